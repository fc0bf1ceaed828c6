"""One named database as this worker sees it: two clients, the calls under way, whether it is up.

In: its `Mongo` settings. Out: driver databases, one for requests and one for background work, so that a storm
in a queue cannot starve requests. Made in the worker's event loop, never carried across a fork.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from contextvars import Context
from typing import Any, Final

import pymongo
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.asynchronous.mongo_client import AsyncMongoClient
from pymongo.errors import PyMongoError

from core.data.calls import Calls
from core.errors import ConfigError, NotConnected, StoreError
from core.settings import Local, Mongo, Secret

_log = logging.getLogger("catena.data")
_PROBE_S: Final = 2.0
_GOODBYE_S: Final = 1.0
_CONNECT_MS: Final = 2000
_BACKGROUND_SELECTION_S: Final = 15.0
_BACKGROUND_POOL: Final = 10
Document = dict[str, Any]


class Connection:
    """A named database.

    Attributes:
        name: as in the settings.
        settings: its `Mongo`.
        calls: driver calls under way.
        is_up: whether the last probe was answered by a server that takes writes.
        can_transact: whether it is a replica set (or a cluster of them).
        is_memory: whether it is the in-memory stand-in.
    """

    def __init__(self, name: str, settings: Mongo, *, memory: bool = False) -> None:
        self.name = name
        self.settings = settings
        self.calls = Calls(name, settings.operation_timeout_s)
        self.is_up = False
        self.can_transact = False
        self.is_memory = memory
        self._clients: list[Any] = []
        self._databases: list[AsyncDatabase[Document]] = []
        self._probe: asyncio.Task[bool] | None = None
        self._probed_at = float("-inf")

    def open(self) -> None:
        """Make the clients; nothing is sent yet.

        Raises:
            ConfigError: the connection string is not usable.
        """
        if self.is_memory:
            from core.data.memory import MemoryClient

            self._clients = [MemoryClient()]
        else:
            common = build_options(self.settings)
            self._clients = [
                self._make_client(common),
                self._make_client(
                    common
                    | {
                        "serverSelectionTimeoutMS": int(_BACKGROUND_SELECTION_S * 1000),
                        "maxPoolSize": min(_BACKGROUND_POOL, self.settings.pool_size),
                    }
                ),
            ]
        self._databases = [self._database_of(client) for client in self._clients]
        self._probed_at = float("-inf")

    def database(self, *, background: bool = False) -> AsyncDatabase[Document]:
        """The driver's database.

        Raises:
            StoreError: the connection is not open.
        """
        if not self._databases:
            raise StoreError(f"database '{self.name}' is not open")
        return self._databases[-1 if background else 0]

    async def probe(self, max_age_s: float = 0) -> bool:
        """Whether the database answers and takes writes; callers at the same time share one question.

        Args:
            max_age_s: how old an answer may be.
        """
        if self._probe is None:
            if time.monotonic() - self._probed_at < max_age_s:
                return self.is_up
            # Asked for everybody: without the deadline of the caller who happens to be first.
            self._probe = asyncio.get_running_loop().create_task(self._ask(), context=Context())
            self._probe.add_done_callback(self._forget_probe)
        return await asyncio.shield(self._probe)

    async def close(self, timeout_s: float) -> None:
        """Let calls finish, then close both clients."""
        await self.calls.drain(timeout_s)
        if self._probe is not None:
            await asyncio.wait([self._probe], timeout=_PROBE_S + 1)
        clients, self._clients, self._databases = self._clients, [], []
        self.is_up = False
        with pymongo.timeout(_GOODBYE_S):  # closing ends sessions on the server, which may be out of reach
            await asyncio.gather(*(client.close() for client in clients))

    async def _ask(self) -> bool:
        try:
            with pymongo.timeout(_PROBE_S):
                hello = await self.database(background=True).client.admin.command("hello")
        except (PyMongoError, StoreError, NotConnected) as error:
            self._note(False, error)
        else:
            self.can_transact = "setName" in hello or hello.get("msg") == "isdbgrid"
            self._note(True, None)
        self._probed_at = time.monotonic()
        return self.is_up

    def _note(self, is_up: bool, error: Exception | None) -> None:
        """Remember, and log each change (and every first failure) once."""
        first = self._probed_at == float("-inf")
        if is_up and not self.is_up:
            _log.info("database '%s' is up", self.name, extra={"action": "db.up", "database": self.name})
        elif not is_up and (self.is_up or first):
            reason = str(error).split(", Timeout:")[0][:300]
            _log.error(
                "database '%s' is down: %s", self.name, reason, extra={"action": "db.down", "database": self.name}
            )
        self.is_up = is_up

    def _forget_probe(self, _: asyncio.Task[bool]) -> None:
        self._probe = None

    def _make_client(self, options: Mapping[str, Any]) -> AsyncMongoClient[Document]:
        url = self.settings.url
        if isinstance(url, Local):
            raise ConfigError(f"databases.{self.name}.url", "needs the address of a MongoDB")
        try:
            return AsyncMongoClient(url.reveal() if isinstance(url, Secret) else url, **options)
        except (PyMongoError, ValueError, TypeError) as error:
            # Not chained and not quoted: the text may hold the password.
            kind = type(error).__name__
            raise ConfigError(
                f"databases.{self.name}.url", f"is not a usable MongoDB connection string ({kind})"
            ) from None

    def _database_of(self, client: Any) -> AsyncDatabase[Document]:
        if self.settings.name:
            database: AsyncDatabase[Document] = client[self.settings.name]
            return database
        return client.get_default_database(self.name)  # type: ignore[no-any-return]  # the stand-in is untyped


def build_options(settings: Mongo) -> dict[str, Any]:
    """What every client is made with: majority both ways, bounded waits, aware UTC times."""
    limit_ms = int(settings.operation_timeout_s * 1000)
    return {
        "appname": "catena",
        "tz_aware": True,
        "uuidRepresentation": "standard",
        "w": "majority",
        "wTimeoutMS": limit_ms,
        "readConcernLevel": "majority",
        "readPreference": "primary",
        "retryWrites": True,
        "retryReads": True,
        "serverSelectionTimeoutMS": int(settings.selection_timeout_s * 1000),
        "waitQueueTimeoutMS": int(settings.pool_wait_s * 1000),
        "connectTimeoutMS": _CONNECT_MS,
        "socketTimeoutMS": limit_ms + 1000,
        "maxPoolSize": settings.pool_size,
    }
