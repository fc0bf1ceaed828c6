"""One named database as this worker sees it: two clients, the calls under way, whether it is up.

In: its `Mongo` settings. Out: driver databases, one for requests and one for background work, so that a storm
in a queue cannot starve requests. Made in the worker's event loop, never carried across a fork. Each driver
call runs in a task of its own, and the caller only waits for it: cancelling a task inside the driver would cost
its connection (500 cancelled requests once made 498 new ones), and a write whose client hung up must finish.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context, ContextVar
from time import monotonic
from typing import Any, Final, TypeVar

import pymongo
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.asynchronous.mongo_client import AsyncMongoClient
from pymongo.errors import PyMongoError, WaitQueueTimeoutError
from pymongo.server_description import ServerDescription

from core.data.deadline import remaining_s
from core.data.errors import DRIVER_ERRORS, to_store_error
from core.errors import ConfigError, NotConnected, StoreError
from core.settings import Local, Mongo, Secret

T = TypeVar("T")
Document = dict[str, Any]
_tried: ContextVar[list[ServerDescription] | None] = ContextVar("tried", default=None)
_log = logging.getLogger("catena.data")
_REPLY_S: Final = 0.05  # the server stops this long before the deadline, so that its answer still arrives
_GRACE_S: Final = 0.5  # the server's own limit speaks first
_TICK_S: Final = 0.05  # one timer for all calls costs each less than one of its own
_PROBE_S: Final = 2.0
_GOODBYE_S: Final = 1.0
_LOCAL_DOWN: Final = "; if the local mongod has ended, .data/mongod.log says why: start the server again"
_BACKGROUND: Final = {"serverSelectionTimeoutMS": 15_000, "maxPoolSize": 10}
_FIXED: Final[dict[str, Any]] = {
    "appname": "catena", "tz_aware": True, "uuidRepresentation": "standard", "w": "majority", "retryWrites": True,
    "readConcernLevel": "majority", "readPreference": "primary", "retryReads": True, "connectTimeoutMS": 2000,
    "maxConnecting": 10,  # one lost answer empties the pool: two at a time, the driver's default, fill it too slowly
}  # fmt: skip


class Connection:
    """A named database.

    Attributes:
        is_up: whether the last probe was answered; `None` before the first.
        can_transact: whether it is a replica set (or a cluster of them).
        coalesces: whether its settings allow groups, see `coalesce.py`.
    """

    def __init__(self, name: str, settings: Mongo, *, memory: bool = False) -> None:
        self.name = name
        self.is_memory = memory
        self.is_up: bool | None = None
        self.can_transact = False
        self.coalesces = settings.coalesce
        self._settings = settings
        self._databases: list[AsyncDatabase[Document]] = []
        self._probe: asyncio.Task[bool] | None = None
        self._probed_at = float("-inf")
        self._limit_s = settings.operation_timeout_s
        self._calls: set[asyncio.Task[Any]] = set()
        self._waiters: dict[asyncio.Future[Any], float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Make the clients; nothing is sent yet. `ConfigError` when the connection string is not usable."""
        clients: list[Any]
        if self.is_memory:
            from core.data.memory import MemoryClient

            clients = [MemoryClient()]
        else:
            options = build_options(self._settings)
            clients = [self._make_client(options), self._make_client(options | _BACKGROUND)]
        name = self._settings.name
        self._databases = [client[name] if name else client.get_default_database(self.name) for client in clients]

    def database(self, *, background: bool = False) -> AsyncDatabase[Document]:
        """The driver's database; `StoreError` while the connection is not open."""
        if not self._databases:
            raise StoreError(f"database '{self.name}' is not open")
        return self._databases[-1 if background else 0]

    def pools(self) -> dict[str, tuple[int, int]]:
        """By client, `requests` and `background`: connections checked out, and calls that wait for one."""
        found = {}
        for kind, database in zip(("requests", "background"), () if self.is_memory else self._databases, strict=False):
            # The driver tells of its pools by events alone, which would cost every call.
            servers = getattr(database.client._topology, "_servers", {}).values()  # noqa: SLF001
            pools = [server.pool for server in servers]
            waiting = sum(pool.operation_count - pool.requests for pool in pools)
            found[kind] = sum(pool.active_sockets for pool in pools), waiting
        return found

    def max_time_ms(self, rest_s: float | None = None) -> int:
        """How long the server may work on an operation that starts now; `NotConnected` when no time is left."""
        rest = (remaining_s() if rest_s is None else rest_s) - _REPLY_S
        if rest <= 0:
            raise NotConnected(self.name) from TimeoutError("the deadline has passed")
        return max(1, int(min(self._limit_s, rest) * 1000))

    def until(self, limit_s: float | None = None) -> float:
        """The moment on `time.monotonic()` until which a caller waits for an operation that starts now."""
        return monotonic() + min(self._limit_s + _GRACE_S if limit_s is None else limit_s, remaining_s())

    async def run(self, call: Coroutine[Any, Any, T], *, limit_s: float | None = None) -> T:
        """Run a driver call to its end, and wait for it as long as there is time (`limit_s` instead of the usual).

        Raises:
            NotConnected: the time was up (the outcome is unknown), or the database is out of reach.
            StoreError: the database or the driver refused.
        """
        waiter: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        task = self.start(call)
        task.add_done_callback(lambda task: _hand_over(task, waiter))
        return await self.wait(waiter, self.until(limit_s))

    def start(self, call: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run a driver call in a task of its own, which `close` waits for."""
        task = asyncio.get_running_loop().create_task(call)
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        return task

    async def wait(self, waiter: asyncio.Future[T], until: float) -> T:
        """What somebody else will set; errors of the driver and the end of the time as in `run`."""
        self._waiters[waiter] = until
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_TICK_S, self._tick)
        try:
            return await waiter
        except DRIVER_ERRORS as error:
            raise to_store_error(error, self.name) from error
        finally:
            del self._waiters[waiter]

    def _tick(self) -> None:
        self._expire(monotonic())
        self._timer = asyncio.get_running_loop().call_later(_TICK_S, self._tick) if self._waiters else None

    def _expire(self, now: float) -> None:
        for waiter, until in self._waiters.items():
            if now >= until and not waiter.done():
                waiter.set_exception(TimeoutError("the time for this operation is up"))

    async def drain(self, timeout_s: float) -> None:
        """Wait for the calls under way and those that follow; after the time nobody waits and nothing runs."""
        deadline = monotonic() + timeout_s
        await asyncio.sleep(0)  # what is gathered in this turn is sent at its end
        while self._calls and monotonic() < deadline:
            await asyncio.wait(self._calls, timeout=deadline - monotonic())
            await asyncio.sleep(0)
        self._expire(math.inf)
        for task in self._calls:
            task.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    async def close(self, timeout_s: float) -> None:
        """Let calls finish, then close both clients."""
        await self.drain(timeout_s)
        if self._timer is not None:
            self._timer.cancel()
        if self._probe is not None:
            await asyncio.wait([self._probe], timeout=_PROBE_S + 1)
        databases, self._databases, self._timer, self.is_up = self._databases, [], None, None
        with pymongo.timeout(_GOODBYE_S):  # closing ends sessions on the server, which may be out of reach
            await asyncio.gather(*(database.client.close() for database in databases))

    async def probe(self, max_age_s: float = 0) -> bool:
        """Whether the database answers; callers at the same time share one question, or an answer of this age."""
        if self._probe is None or self._probe.done():
            if monotonic() - self._probed_at < max_age_s:
                return bool(self.is_up)
            # Asked for everybody: without the deadline of the caller who happens to be first.
            self._probe = asyncio.get_running_loop().create_task(self._ask(), context=Context())
        return await asyncio.shield(self._probe)

    async def _ask(self) -> bool:
        """Ask, remember, and log each change (and a first failure) once."""
        before, reason = self.is_up, ""
        try:
            with pymongo.timeout(_PROBE_S):
                hello = await self.database(background=True).client.admin.command("hello")
            self.can_transact = "setName" in hello or hello.get("msg") == "isdbgrid"
            self.is_up = True
        except WaitQueueTimeoutError:
            self.is_up = before  # background work has every connection, which says nothing
        except (PyMongoError, StoreError) as error:
            self.is_up, reason = False, str(error).split(", Timeout:")[0][:300]
            if "%2Fm.sock" in str(self._settings.url):
                reason += _LOCAL_DOWN
        self._probed_at = monotonic()
        if self.is_up and not before:
            _log.info("database '%s' is up", self.name, extra={"action": "db.up", "database": self.name})
        elif not self.is_up and before is not False:
            where = {"action": "db.down", "database": self.name}
            _log.error("database '%s' is down: %s", self.name, reason, extra=where)
        return bool(self.is_up)

    def _make_client(self, options: Document) -> AsyncMongoClient[Document]:
        url, setting = self._settings.url, f"databases.{self.name}.url"
        if isinstance(url, Local):
            raise ConfigError(setting, "needs the address of a MongoDB")
        try:
            return AsyncMongoClient(url.reveal() if isinstance(url, Secret) else url, **options)
        except (PyMongoError, ValueError, TypeError) as error:
            # Not chained and not quoted: the text may hold the password.
            raise ConfigError(setting, f"is not a usable MongoDB connection string ({type(error).__name__})") from None


def _hand_over(task: asyncio.Task[T], waiter: asyncio.Future[T]) -> None:
    error = None if task.cancelled() else task.exception()  # seen, also when nobody waits any more
    if waiter.done():
        return
    if task.cancelled():
        waiter.cancel()
    elif error is None:
        waiter.set_result(task.result())
    else:
        waiter.set_exception(error)


async def in_bulk(verb: Callable[..., Awaitable[T]], *values: Any, **more: Any) -> T:
    """Call a bulk verb of the driver, in a task of its own, so that its repeat after a step-down goes elsewhere.

    The driver repeats a bulk write once, under the same number. Where the majority did not confirm because the
    primary stood down, it does not see that (a `BulkWriteError` has no code), and would ask the same member again.
    """
    _tried.set([])
    return await verb(*values, **more)


def _select(servers: list[ServerDescription]) -> list[ServerDescription]:
    """What the driver chose from; not a primary that had this call already and has not been heard of since."""
    tried = _tried.get()
    if tried is not None and servers and servers[0].server_type_name == "RSPrimary":
        if any(server is servers[0] for server in tried):
            return []  # the driver asks all members and waits for news
        tried.append(servers[0])
    return servers


def build_options(settings: Mongo) -> dict[str, Any]:
    """What every client is made with: majority both ways, bounded waits, aware UTC times."""
    limit_ms = int(settings.operation_timeout_s * 1000)
    return _FIXED | {
        "wTimeoutMS": limit_ms,
        "socketTimeoutMS": limit_ms + 1000,
        "serverSelectionTimeoutMS": int(settings.selection_timeout_s * 1000),
        "waitQueueTimeoutMS": int(settings.pool_wait_s * 500),  # the driver lets a read wait twice
        "maxPoolSize": settings.pool_size,
        "server_selector": _select,
    }
