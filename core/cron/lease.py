"""That this process lives, as others see it in the database: a beat, and a lease as long as beats are confirmed.

In: the databases. Out: whether this process may act for the cluster, its name, the database's clock, and who fell
silent. Nobody's wall clock counts. A holder measures from before its last confirmed beat, others from after they
saw it, so the holder stops first. Next: `cron/manager.py`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic
from typing import Annotated, Any, Final

from core.data.databases import Databases
from core.data.deadline import reset_deadline, set_deadline
from core.data.errors import NotSupported
from core.errors import NotConnected, StoreError
from core.schema.model import Model
from core.schema.rules import rule

_log = logging.getLogger("catena.cron")
_AGAIN_S: Final = 0.5
_HELD, _SILENT = 0.55, 1.1  # of `dead_after_s` after a beat: the holder stops, others take over
_BEAT: Final = {"beat": {"$add": ["$beat", 1]}}
_DEAD: Final = {"status": "dead", "expire": {"$add": ["$$NOW", 86_400_000]}}


class CronServer(Model, identity="catena-cronServers", collection="cronServers"):
    """A process that runs jobs, or did."""

    oid: str
    seen: Any = None
    expire: Annotated[Any, rule(index=True, index_options={"expireAfterSeconds": 0})] = None


class Lease:
    """The lease of this process: `server` is its name, new each time it was declared dead; `place` outlives restarts.

    `on_change` is called when it is held, and when it is not any more, before others may take over.
    """

    def __init__(self, databases: Databases, port: int, dead_after_s: float, on_change: Callable[[], None]) -> None:
        self.host, self.server = socket.gethostname(), ""
        self.place = f"{self.host}:{port}".replace(".", "-")
        self._servers, self._dead_after_s = databases.background[CronServer], dead_after_s
        self._until_s, self._is_held, self._on_change = float("-inf"), False, on_change
        self._alarm: asyncio.TimerHandle | None = None
        self._offsets: deque[float] = deque(maxlen=5)
        self._seen: dict[str, tuple[int | None, float]] = {}

    @property
    def is_held(self) -> bool:
        """Whether others still believe in this process."""
        return self._is_held and monotonic() < self._until_s

    def now(self) -> datetime:
        """The time of the database's clock, never ahead of it: the latest that its recent answers prove."""
        return datetime.fromtimestamp(max(self._offsets) + monotonic(), UTC)

    def learn(self, seen: datetime) -> None:
        """Take in a time of the database's clock from an answer that just came."""
        self._offsets.append(seen.timestamp() - monotonic())

    async def keep(self) -> None:
        """Beat for ever, if the database can do it. A beat has to be answered while the one before counts."""
        is_known = False
        while True:
            asked_s = monotonic()
            limit = set_deadline(asked_s + self._dead_after_s / 2)
            try:
                is_known = await (self._say(_BEAT) if is_known else self._register())
            except NotSupported as error:
                return _log.warning("crons run by hand only: %s", error, extra={"action": "cron.off"})
            except StoreError as error:
                if not isinstance(error, NotConnected):
                    _log.error("the beat was refused: %s", error, extra={"action": "cron.failed"})
                await asyncio.sleep(_AGAIN_S)
                continue
            finally:
                reset_deadline(limit)
            if is_known:
                self._renew(asked_s + _HELD * self._dead_after_s)
                await asyncio.sleep(self._dead_after_s / 5)
            else:
                self.lose()

    def _renew(self, until_s: float) -> None:
        self._until_s = until_s
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_later(max(0, until_s - monotonic()), self.lose)
        if not self._is_held:
            self._is_held = True
            self._on_change()

    def lose(self) -> None:
        """Act no more: others may take over soon, or have."""
        if self._is_held:
            self._is_held = False
            self._on_change()

    async def leave(self) -> None:
        """Tell the others, unless the database is out of reach: then they notice."""
        with suppress(StoreError):
            await self._say(_DEAD)

    def silent(self, beats: Mapping[str, int], holders: Iterable[str], asked_s: float) -> list[tuple[str, int | None]]:
        """Who fell silent, after which beat: of active servers with `beats`. Other `holders` are there without one.

        A beat counts from when its answer was seen, and until the next was asked for, at `asked_s`.
        """
        known: dict[str, int | None] = {**dict.fromkeys(holders), **beats}
        before, self._seen, limit_s = self._seen, {}, _SILENT * self._dead_after_s
        for server, beat in known.items():
            seen = before.get(server)
            self._seen[server] = seen if seen is not None and seen[0] == beat else (beat, monotonic())
        return [(name, beat) for name, (beat, at_s) in self._seen.items() if beat is None or asked_s - at_s > limit_s]

    async def reap(self, server: str, beat: int | None) -> bool:
        """Declare a silent process dead, unless it spoke; whether what it held may be freed here."""
        # Without a beat: who declared it dead may have been killed at once; or it has no document, and is waited for.
        is_old = beat is None and monotonic() - self._seen[server][1] > _SILENT * self._dead_after_s
        said = {"status": "dead"} if beat is None else {"status": "active", "beat": beat}
        if await self._say(_DEAD, {"_id": server, **said}):
            return True
        return is_old and not await self._servers.exists({"_id": server, "status": "active"})

    async def _register(self) -> bool:
        self.server = f"{self.host}:{os.getpid()}:{secrets.token_hex(6)}"
        named = {"host": {"$literal": self.host}, "place": {"$literal": self.place}, "started": "$$NOW"}
        return await self._say({"status": "active", "beat": 1, **named}, {"_id": self.server}, upsert=True)

    async def _say(self, change: Mapping[str, Any], query: Any = None, **options: Any) -> bool:
        query, update = query or {"_id": self.server, "status": "active"}, [{"$set": {**change, "seen": "$$NOW"}}]
        found = await self._servers.find_one_and_update(query, update, validate=False, **options)
        if found is not None:
            self.learn(found.seen)
        return found is not None
