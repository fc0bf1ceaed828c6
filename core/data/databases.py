"""The databases of a worker, by name: opened at start, ready again by themselves, closed at stop.

In: `settings.databases`. Out: `db[Model]` (a `Collection`), `db.background[Model]` for work that is no
request, `db.transaction()`, `await db.state()` for readiness. One `Databases` per worker and event loop,
opened there, because the driver does not survive a fork.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import count
from typing import Any, Final, TypeVar

# The driver would prefer pyOpenSSL where another library brought it, and load cryptography with it: a tenth of a start
# and of a worker's memory. TLS is Python's own everywhere, see docs/decisions/0027-start.md.
if "pymongo" not in sys.modules:
    sys.modules["pymongo.pyopenssl_context"] = None  # type: ignore[assignment]

from pymongo.asynchronous.database import AsyncDatabase

from core.data.collection import Collection
from core.data.connection import Connection
from core.data.indexes import ensure_collections
from core.data.transaction import open_transaction
from core.errors import ConfigError, NotConnected, StoreError
from core.schema.model import Model
from core.settings import Mongo

M = TypeVar("M", bound=Model)
_log = logging.getLogger("catena.data")
_FIRST_WAIT_S: Final = 1.0
_RETRY_S: Final = 1.0
_STATE_AGE_S: Final = 1.0


class Databases:
    """Every database of the settings, by name, with addresses resolved; or all of them in memory.

    Args:
        settings: name → `Mongo`.
        default: the database of models that name none; the first where empty.
        memory: for unit tests and machines without a mongod.
    """

    def __init__(self, settings: Mapping[str, Mongo], default: str = "", *, memory: bool = False) -> None:
        if not settings and not memory:
            raise ConfigError("databases", "names no database")
        settings = settings or {"main": Mongo()}
        self._default = default or next(iter(settings))
        if self._default not in settings:
            raise ConfigError("default_database", f"names no database: '{default}'")
        self._connections = {name: Connection(name, mongo, memory=memory) for name, mongo in settings.items()}
        self.is_memory = memory
        self._waiting: list[asyncio.Task[None]] = []
        self._collections: dict[tuple[type[Any], bool], Collection[Any]] = {}
        self.background = Background(self)

    async def open(self) -> None:
        """Make the clients and ask each database, for a second at most."""
        for connection in self._connections.values():
            connection.open()
        probes = [asyncio.ensure_future(connection.probe()) for connection in self._connections.values()]
        await asyncio.wait(probes, timeout=_FIRST_WAIT_S)

    async def ensure_collections(self, models: Iterable[type[Model]]) -> None:
        """Make missing collections with their indexes; those of a database that is down follow when it is up.

        Raises:
            StoreError: a collection or index cannot be made; names it.
        """
        wanted = [model for model in models if not model.disabled]
        for connection in self._connections.values():
            own = [model for model in wanted if (model.database or self._default) == connection.name]
            if not await _prepare(connection, own):
                self._waiting.append(asyncio.ensure_future(_bring_up(connection, own)))

    def __getitem__(self, model: type[M]) -> Collection[M]:
        """The collection of a model."""
        return self.collection(model)

    def collection(self, model: type[M], *, background: bool = False) -> Collection[M]:
        """The collection of a model, over the client for requests or the one for other work."""
        found = self._collections.get((model, background))
        if found is None:
            found = Collection(model, self.connection(model.database), background=background)
            self._collections[model, background] = found
        return found

    def raw(self, name: str = "") -> AsyncDatabase[dict[str, Any]]:
        """The driver's database of this name, for what `Collection` does not offer."""
        return self.connection(name).database()

    def transaction(self, database: type[Model] | str = "") -> AbstractAsyncContextManager[None]:
        """`async with db.transaction():` makes the calls inside happen together or not at all, on one database."""
        return open_transaction(self.connection(database if isinstance(database, str) else database.database))

    async def state(self) -> dict[str, str]:
        """`up` or `down` for each name; at most one question a second, shared by all callers."""
        answers = await asyncio.gather(*(connection.probe(_STATE_AGE_S) for connection in self._connections.values()))
        return dict(zip(self._connections, ("up" if is_up else "down" for is_up in answers), strict=True))

    def pools(self) -> dict[tuple[str, str], tuple[int, int]]:
        """By database and client: connections checked out, and calls that wait for one."""
        return {(name, kind): state for name, one in self._connections.items() for kind, state in one.pools().items()}

    def group_sizes(self) -> dict[tuple[str, str], Counter[int]]:
        """By collection and kind of call how often how many went together."""
        found: dict[tuple[str, str], Counter[int]] = {}
        for (model, _), collection in self._collections.items():
            for (kind, size), times in collection.groups.sizes.items() if collection.groups else ():
                found.setdefault((model.identity, kind), Counter())[size] += times
        return found

    async def close(self, timeout_s: float = 10) -> None:
        """Let calls under way finish, then close every connection."""
        for task in self._waiting:
            task.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)
        await asyncio.gather(*(connection.close(timeout_s) for connection in self._connections.values()))
        self._collections.clear()

    def connection(self, name: str | None) -> Connection:
        """The connection of this name, or the default one."""
        connection = self._connections.get(name or self._default)
        if connection is None:
            raise StoreError(f"there is no database '{name}'; the settings name {', '.join(self._connections)}")
        return connection


async def _bring_up(connection: Connection, models: Sequence[type[Model]]) -> None:
    """Ask until it answers, then make its collections."""
    where = {"action": "db.retry", "database": connection.name}
    for tries in count(1):
        if tries % 10 == 1:
            _log.warning("database '%s' is down, retrying (%d)", connection.name, tries, extra=where)
        await asyncio.sleep(_RETRY_S)
        try:
            if await connection.probe() and await _prepare(connection, models):
                return
        except StoreError as error:
            _log.error("database '%s': %s", connection.name, error, extra=where)
            return


async def _prepare(connection: Connection, models: Sequence[type[Model]]) -> bool:
    """Make its collections; whether it was up all the time."""
    try:
        if connection.is_up:
            await ensure_collections(connection, models)
    except NotConnected:
        return False
    return bool(connection.is_up)


class Background:
    """`db.background[Model]`: the same collections over the client for work that is no request."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases

    def __getitem__(self, model: type[M]) -> Collection[M]:
        """The collection of a model."""
        return self._databases.collection(model, background=True)

    def transaction(self) -> AbstractAsyncContextManager[None]:
        """`Databases.transaction` for background work, on the default database."""
        return open_transaction(self._databases.connection(""), background=True)
