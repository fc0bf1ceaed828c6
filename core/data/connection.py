"""One named database as this worker sees it: two clients, the calls under way, whether it is up.

In: its `Mongo` settings. Out: driver databases, one for requests and one for background work, so that a storm
in a queue cannot starve requests. Made in the worker's event loop, never carried across a fork.
"""

from __future__ import annotations

import asyncio
import logging
from contextvars import Context
from time import monotonic
from typing import Any, Final

import pymongo
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.asynchronous.mongo_client import AsyncMongoClient
from pymongo.errors import PyMongoError

from core.data.calls import Calls
from core.errors import ConfigError, StoreError
from core.settings import Local, Mongo, Secret

_log = logging.getLogger("catena.data")
_PROBE_S: Final = 2.0
_GOODBYE_S: Final = 1.0
_BACKGROUND: Final = {"serverSelectionTimeoutMS": 15_000, "maxPoolSize": 10}
_FIXED: Final[dict[str, Any]] = {
    "appname": "catena", "tz_aware": True, "uuidRepresentation": "standard", "w": "majority", "retryWrites": True,
    "readConcernLevel": "majority", "readPreference": "primary", "retryReads": True, "connectTimeoutMS": 2000,
}  # fmt: skip
Document = dict[str, Any]


class Connection:
    """A named database.

    Attributes:
        is_up: whether the last probe was answered; `None` before the first.
        can_transact: whether it is a replica set (or a cluster of them).
    """

    def __init__(self, name: str, settings: Mongo, *, memory: bool = False) -> None:
        self.name = name
        self.settings = settings
        self.calls = Calls(name, settings.operation_timeout_s)
        self.is_up: bool | None = None
        self.can_transact = False
        self.is_memory = memory
        self._databases: list[AsyncDatabase[Document]] = []
        self._probe: asyncio.Task[bool] | None = None
        self._probed_at = float("-inf")

    def open(self) -> None:
        """Make the clients; nothing is sent yet. `ConfigError` when the connection string is not usable."""
        clients: list[Any]
        if self.is_memory:
            from core.data.memory import MemoryClient

            clients = [MemoryClient()]
        else:
            options = build_options(self.settings)
            clients = [self._make_client(options), self._make_client(options | _BACKGROUND)]
        name = self.settings.name
        self._databases = [client[name] if name else client.get_default_database(self.name) for client in clients]

    def database(self, *, background: bool = False) -> AsyncDatabase[Document]:
        """The driver's database; `StoreError` while the connection is not open."""
        if not self._databases:
            raise StoreError(f"database '{self.name}' is not open")
        return self._databases[-1 if background else 0]

    async def probe(self, max_age_s: float = 0) -> bool:
        """Whether the database answers; callers at the same time share one question, or an answer of this age."""
        if self._probe is None or self._probe.done():
            if monotonic() - self._probed_at < max_age_s:
                return bool(self.is_up)
            # Asked for everybody: without the deadline of the caller who happens to be first.
            self._probe = asyncio.get_running_loop().create_task(self._ask(), context=Context())
        return await asyncio.shield(self._probe)

    async def close(self, timeout_s: float) -> None:
        """Let calls finish, then close both clients."""
        await self.calls.drain(timeout_s)
        if self._probe is not None:
            await asyncio.wait([self._probe], timeout=_PROBE_S + 1)
        databases, self._databases, self.is_up = self._databases, [], None
        with pymongo.timeout(_GOODBYE_S):  # closing ends sessions on the server, which may be out of reach
            await asyncio.gather(*(database.client.close() for database in databases))

    async def _ask(self) -> bool:
        """Ask, remember, and log each change (and a first failure) once."""
        extra = {"database": self.name}
        try:
            with pymongo.timeout(_PROBE_S):
                hello = await self.database(background=True).client.admin.command("hello")
        except (PyMongoError, StoreError) as error:
            if self.is_up is not False:
                reason = str(error).split(", Timeout:")[0][:300]
                _log.error("database '%s' is down: %s", self.name, reason, extra=extra | {"action": "db.down"})
            self.is_up = False
        else:
            self.can_transact = "setName" in hello or hello.get("msg") == "isdbgrid"
            if not self.is_up:
                _log.info("database '%s' is up", self.name, extra=extra | {"action": "db.up"})
            self.is_up = True
        self._probed_at = monotonic()
        return self.is_up

    def _make_client(self, options: Document) -> AsyncMongoClient[Document]:
        url = self.settings.url
        setting = f"databases.{self.name}.url"
        if isinstance(url, Local):
            raise ConfigError(setting, "needs the address of a MongoDB")
        try:
            return AsyncMongoClient(url.reveal() if isinstance(url, Secret) else url, **options)
        except (PyMongoError, ValueError, TypeError) as error:
            # Not chained and not quoted: the text may hold the password.
            raise ConfigError(setting, f"is not a usable MongoDB connection string ({type(error).__name__})") from None


def build_options(settings: Mongo) -> dict[str, Any]:
    """What every client is made with: majority both ways, bounded waits, aware UTC times."""
    limit_ms = int(settings.operation_timeout_s * 1000)
    return _FIXED | {
        "wTimeoutMS": limit_ms,
        "socketTimeoutMS": limit_ms + 1000,
        "serverSelectionTimeoutMS": int(settings.selection_timeout_s * 1000),
        "waitQueueTimeoutMS": int(settings.pool_wait_s * 1000),
        "maxPoolSize": settings.pool_size,
    }
