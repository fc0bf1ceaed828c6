"""Counters of requests per client over a sliding window: where rate limits are kept.

In: a key and its limit. Out: a `Count`: how many requests it grants, and what is left. Time is cut into slots of a
twentieth of the window; a request counts until its slot is a whole window old, so no window ever holds more than the
limit, and a client waits a twentieth too long at most. Next: `serve/limits.py`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from core.data.databases import Databases
from core.errors import StoreError
from core.schema.model import Index, Model

if TYPE_CHECKING:
    from core.data.memcached import Memcached

SLOTS: Final = 20
#: keys in the memory of one process; those beyond share `_SHARED` counters, so that no client goes uncounted
KEYS_MAX: Final = 200_000
_SHARED: Final = 1024


@dataclass(frozen=True, slots=True)
class Count:
    """What a counter said: requests granted, requests left after that, seconds until there are more."""

    granted: int
    left: int
    reset_s: float

    @classmethod
    def of(cls, granted: int, requests: int, per_s: float, at: float, slots: Iterable[tuple[int, int]]) -> Self:
        """From the slots that count, oldest first, as (number, requests); `at` is the time in slots."""
        counted = [slot for slot in slots if slot[1]]
        used = sum(count for _, count in counted)
        freed = accumulate(count for _, count in counted)
        frees = (number for (number, _), gone in zip(counted, freed, strict=True) if used - gone < requests)
        return cls(granted, max(0, requests - used), (next(frees, int(at)) + SLOTS + 1 - at) * per_s / SLOTS)


class Counters(Protocol):
    """Where limits are counted."""

    async def take(self, key: str, requests: int, per_s: float, wanted: int) -> Count:
        """Count up to `wanted` requests, as many as the limit allows, in one atomic step."""


class RateCounter(Model, identity="rateLimits", indexes=[Index("expires_at", expireAfterSeconds=0)]):
    """One client under one limit; `slots` are `{"n": number, "c": requests}`, oldest first, `at` the time in slots."""

    oid: str
    at: float = 0
    granted: int = 0
    slots: list[dict[str, Any]]
    expires_at: datetime


class MongoCounters:
    """Counters that every server of a database shares, by the clock of the database."""

    def __init__(self, db: Databases) -> None:
        self._db = db
        self._is_prepared = False

    async def take(self, key: str, requests: int, per_s: float, wanted: int) -> Count:
        """See `Counters`.

        Raises:
            StoreError: the database is out of reach.
        """
        counters = self._db[RateCounter]
        if not self._is_prepared:
            await counters.ensure_indexes()
            self._is_prepared = True
        update = _count_in_slots(requests, per_s, wanted)
        found = await counters.find_one_and_update({"_id": key}, update, upsert=True, validate=False)
        if found is None:
            raise StoreError("a rate limit was not counted")
        slots = [(int(slot["n"]), int(slot["c"])) for slot in found.slots]
        return Count.of(int(found.granted), requests, per_s, found.at, slots)


def _count_in_slots(requests: int, per_s: float, wanted: int) -> list[dict[str, Any]]:
    """A pipeline, so that reading, deciding and counting is one step; every value in it is a number of ours."""
    now: dict[str, Any] = {"$floor": "$at"}
    recent = {"$gte": ["$$this.n", {"$subtract": [now, SLOTS]}]}
    older = {"$filter": {"input": "$slots", "cond": {"$lt": ["$$this.n", now]}, "as": "this"}}
    same = {"$filter": {"input": "$slots", "cond": {"$eq": ["$$this.n", now]}, "as": "this"}}
    granted = {"$max": [0, {"$min": [wanted, {"$subtract": [requests, {"$sum": "$slots.c"}]}]}]}
    current = {"n": now, "c": {"$add": [{"$sum": {"$map": {"input": same, "in": "$$this.c"}}}, "$granted"]}}
    return [
        {"$set": {"at": {"$divide": [{"$toDouble": {"$toLong": "$$NOW"}}, per_s * 1000 / SLOTS]}}},
        {"$set": {"slots": {"$filter": {"input": {"$ifNull": ["$slots", []]}, "cond": recent}}}},
        {"$set": {"granted": granted}},
        {"$set": {"slots": {"$concatArrays": [older, [current]]}, "expires_at": {"$add": ["$$NOW", per_s * 2000]}}},
    ]


class MemcachedCounters:
    """Counters that every server of a memcached shares, by the clocks of the servers; see decision 0025."""

    def __init__(self, memcached: Memcached, prefix: str, clock: Callable[[], float]) -> None:
        self._memcached, self._prefix, self._clock = memcached, prefix, clock
        self._own = MemoryCounters(clock, alone=False)

    async def take(self, key: str, requests: int, per_s: float, wanted: int) -> Count:
        """See `Counters`.

        Raises:
            StoreError: memcached does not answer.
        """
        at = self._clock() / per_s * SLOTS
        now, name = int(at), f"{self._prefix}:r:{key}".encode()
        # Counted first and read then, the next slot too: of two that meet where slots do, one sees the other.
        others = [*range(now - SLOTS, now), now + 1]
        slots = await self._memcached.count(name, now, wanted, others, 2 * per_s)
        if slots is None:
            raise StoreError("memcached does not answer")
        granted = max(0, min(wanted, requests + wanted - sum(slots.values())))
        granted = (await self._own.take(key, requests, per_s, granted)).granted  # memcached may forget what it counted
        if granted < wanted:
            slots[now] -= wanted - granted
            await self._memcached.count(name, now, granted - wanted, [], 2 * per_s)
        return Count.of(granted, requests, per_s, at, sorted(slots.items()))


class MemoryCounters:
    """Counters of this process; `clock` gives seconds.

    `alone`: what finds no room for a counter of its own shares one with others; else it goes uncounted here.
    """

    def __init__(self, clock: Callable[[], float], *, alone: bool = True) -> None:
        self._clock, self._alone = clock, alone
        # By window and turn, which lasts a slot longer than the window: what two turns ago was counted is over.
        self._turns: dict[tuple[float, int], dict[int, bytes]] = {}
        self._swept_at = float("-inf")

    async def take(self, key: str, requests: int, per_s: float, wanted: int) -> Count:
        """See `Counters`."""
        at = self._clock() / per_s * SLOTS
        now, turn = int(at), int(at) // (SLOTS + 1)
        self._sweep()
        keys, older = self._turns.setdefault((per_s, turn), {}), self._turns.get((per_s, turn - 1), {})
        name = hash(key)
        if name not in keys and name not in older and sum(map(len, self._turns.values())) >= KEYS_MAX:
            if not self._alone:
                return Count(wanted, requests, per_s)
            name %= _SHARED
        first, *counts = _unpack(keys.get(name) or older.pop(name, b"") or _pack(now, [0]))
        slots = {number: count for number, count in enumerate(counts, first) if number >= now - SLOTS}
        granted = max(0, min(wanted, requests - sum(slots.values())))
        slots[now] = slots.get(now, 0) + granted
        first = next(number for number in slots if slots[number] or number == now)
        keys[name] = _pack(first, [slots.get(number, 0) for number in range(first, now + 1)])
        return Count.of(granted, requests, per_s, at, slots.items())

    def _sweep(self) -> None:
        """Drop the turns that are over, once a second."""
        now = self._clock()
        if now - self._swept_at >= 1:
            self._swept_at = now
            turns = self._turns.items()
            self._turns = {at: keys for at, keys in turns if (at[1] + 2) * at[0] * (SLOTS + 1) > now * SLOTS}


def _pack(first: int, counts: list[int]) -> bytes:
    """Requests in slots that follow each other: a fifth of what a dict takes."""
    return struct.pack(f"Q{len(counts)}I", first, *counts)


def _unpack(packed: bytes) -> tuple[int, ...]:
    return struct.unpack(f"Q{len(packed) // 4 - 2}I", packed)
