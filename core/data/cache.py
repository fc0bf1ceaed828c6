"""The cache of an application: `await ctx.cache.cached("key", lifetime_s=60, renew_s=50, producer=f)`.

In: a key, times, and a function that makes the value. Out: a `CachedValue`. One value of a key is made at a time in
a process; a cache that is down is a miss. Source: mia.js `Cached`, decision 0022.
"""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import logging
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar, cast

import orjson

from core.data.deadline import set_deadline
from core.data.lru import Memory
from core.errors import Unavailable
from core.settings import Cache

if TYPE_CHECKING:
    from core.data.memcached import Memcached

T = TypeVar("T")
#: how long a producer may take; it works for everybody who waits, so the deadline of one request is not its own
PRODUCER_S: Final = 30.0
_STRICT: Final = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS
_PLAIN: Final = re.compile(r"[!-~]{0,179}[\"-~]")  # not with "!" at the end, as marks
_log = logging.getLogger("catena.cache")


@dataclass(frozen=True, slots=True)
class CachedValue(Generic[T]):
    """A value and its age.

    Attributes:
        value: the value; `None` where there was neither a record nor a producer.
        cached: whether it came from the cache.
        time_left_s: how long the record still lives.
        cache_time_s: how long the value counts as fresh, for `Cache-Control`.
    """

    value: T
    cached: bool
    time_left_s: float
    cache_time_s: float


class _Order(NamedTuple):
    """How a record is made: `fresh_s` until it is renewed, `mark` stands while it is, and after a failure."""

    name: bytes
    producer: Callable[[], Awaitable[Any]]
    lifetime_s: float
    fresh_s: float
    grace_s: float

    @property
    def mark(self) -> bytes:
        return self.name + b"!"


class RecordCache:
    """`ctx.cache`: records of JSON values in memcached or in memory. `hits` and `misses` count.

    Attributes:
        shared: the memcached where they stand; rate limits are counted there, too.
    """

    def __init__(self, settings: Cache | None = None, clock: Callable[[], float] = time.time) -> None:
        settings = settings or Cache()
        self._prefix, self._clock = settings.prefix, clock
        self.shared: Memcached | None = None
        if settings.servers:
            from core.data.memcached import Memcached  # loaded only where servers are configured

            self.shared = Memcached(settings.servers)
        self._store: Memory | Memcached = self.shared or Memory(settings.memory_bytes, clock)
        self._flights: dict[bytes, asyncio.Task[bytes]] = {}
        self.hits = self.misses = 0

    async def cached(
        self,
        key: str | tuple[str, ...],
        *,
        lifetime_s: float,
        renew_s: float = 0,
        grace_s: float = 0,
        force: bool = False,
        producer: Callable[[], Awaitable[T]] | None = None,
    ) -> CachedValue[T]:
        """The value of a key: from its record, or made by `producer` (in 30 s) and kept.

        Args:
            key: one text or several. What the value depends on belongs in it: language, and who may see it.
            lifetime_s: how long a record lives.
            renew_s: in the last `renew_s` of that a hit is answered at once and renewed in the background.
            grace_s: how long after that the old value is returned when no new one can be made.
            force: make a new value, whatever is there.
            producer: makes the value, JSON data; without it the record is only read.

        Raises:
            TypeError: the value is no JSON data.
            BaseException: what the producer raised, where there is no old value in its grace time.
        """
        name, fresh_s = self._name(key), max(lifetime_s - renew_s, 0)
        made_at, life_s, value = await self._read(name)
        left_s = life_s - max(self._clock() - made_at, 0)
        if left_s > 0 and not force:
            self.hits += 1
            if producer and left_s < renew_s:
                await self._renew(_Order(name, producer, lifetime_s, fresh_s, grace_s))
            return CachedValue(value, True, left_s, max(left_s - renew_s, 0))
        self.misses += 1
        if producer is None:
            return CachedValue(cast("Any", None), False, 0, 0)
        old = CachedValue(value, True, left_s + grace_s, 0) if life_s > 0 and left_s + grace_s > 0 else None
        return await self._make(_Order(name, producer, lifetime_s, fresh_s, grace_s), None if force else old, force)

    async def _make(self, order: _Order, old: CachedValue[Any] | None, force: bool) -> CachedValue[Any]:
        if old is not None and await self._store.get(order.mark) is not None:
            return old  # somebody tries, or has just failed to
        task = self._start(order) if force or order.name not in self._flights else self._flights[order.name]
        await asyncio.wait({task})  # a caller that gives up leaves it to the others
        if old is not None and task.exception() is not None:
            return old
        return CachedValue(orjson.loads(task.result()), False, order.lifetime_s, order.fresh_s)

    async def _renew(self, order: _Order) -> None:
        # One process renews; after a failure none does for a while.
        if order.name not in self._flights and await self._store.add(order.mark, b"1", PRODUCER_S) is not False:
            self._start(order)

    def open_circuits(self) -> dict[tuple[str], bool]:
        """By memcached server whether it is left alone for a while."""
        return {} if self.shared is None else self.shared.open_circuits()

    async def close(self) -> None:
        """Give up what is being made and close the connections."""
        for task in self._flights.values():
            task.cancel()
        await asyncio.gather(*self._flights.values(), return_exceptions=True)
        if self.shared is not None:
            await self.shared.close()

    def _name(self, key: str | tuple[str, ...]) -> bytes:
        """A name without blanks, of at most 250 bytes with the prefix; different for different keys."""
        if isinstance(key, str) and _PLAIN.fullmatch(key):
            return f"{self._prefix}:p:{key}".encode()
        digest = hashlib.sha256(repr(key).encode())  # repr tells texts, their number and their borders apart
        return f"{self._prefix}:h:{digest.hexdigest()}".encode()

    async def _read(self, name: bytes) -> tuple[float, float, Any]:
        """When the record was made, how long it lives, its value; zeros for what is no record."""
        with suppress(orjson.JSONDecodeError):
            match orjson.loads(await self._store.get(name) or b""):
                case [int() | float() as made_at, int() | float() as life_s, value]:
                    return made_at, life_s, value
        return 0.0, 0.0, None

    def _start(self, order: _Order) -> asyncio.Task[bytes]:
        """Make a value for everybody who asks for it meanwhile."""
        # Without the context of the first caller: its deadline and its transaction are not those of the others.
        work = self._produce(order)
        task = asyncio.get_running_loop().create_task(work, context=contextvars.Context())
        self._flights[order.name] = task
        task.add_done_callback(lambda done: self._land(order.name, done))
        return task

    def _land(self, name: bytes, task: asyncio.Task[bytes]) -> None:
        if self._flights.get(name) is task:
            del self._flights[name]
        if not task.cancelled():
            task.exception()  # whoever waits looks at it; there may be nobody

    async def _produce(self, order: _Order) -> bytes:
        set_deadline(time.monotonic() + PRODUCER_S)
        limit = asyncio.timeout(PRODUCER_S)
        try:
            async with limit:
                value = orjson.dumps(await order.producer(), option=_STRICT)
        except BaseException as error:
            _log.warning("no new value for %s: %r", order.name.decode(), error, extra={"action": "cache.failed"})
            await self._store.set(order.mark, b"1", max(order.fresh_s, 1))
            if limit.expired():
                raise Unavailable from None
            raise
        if self._flights.get(order.name) is asyncio.current_task():  # else somebody forced a newer one
            record = b"[%r,%r,%b]" % (self._clock(), order.lifetime_s, value)
            await self._store.set(order.name, record, order.lifetime_s + order.grace_s)
        await self._store.delete(order.mark)
        return value
