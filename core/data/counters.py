"""Counters of requests per client over a sliding window: where rate limits are kept.

In: a key and its limit. Out: a `Count`: how many requests it grants, and what is left. Time is cut into slots of a
twentieth of the window; a request counts until its slot is a whole window old, so no window ever holds more than the
limit, and a client waits a twentieth too long at most. Next: `serve/limits.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any, Final, Protocol, Self

from core.data.databases import Databases
from core.errors import StoreError
from core.schema.model import Index, Model

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


class MemoryCounters:
    """Counters of this process alone; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._slots: dict[str, tuple[float, dict[int, int]]] = {}  # when it is over, number → requests
        self._swept_at = float("-inf")

    async def take(self, key: str, requests: int, per_s: float, wanted: int) -> Count:
        """See `Counters`."""
        now = self._clock()
        at = now / per_s * SLOTS
        key = self._admit(key, now)
        slots = {
            number: count for number, count in self._slots.get(key, (0, {}))[1].items() if number >= int(at) - SLOTS
        }
        granted = max(0, min(wanted, requests - sum(slots.values())))
        slots[int(at)] = slots.get(int(at), 0) + granted
        self._slots[key] = now + 2 * per_s, slots
        return Count.of(granted, requests, per_s, at, slots.items())

    def _admit(self, key: str, now: float) -> str:
        """The key itself while there is room, else that of a shared counter."""
        if key in self._slots or len(self._slots) < KEYS_MAX:
            return key
        if now - self._swept_at >= 1:
            self._swept_at = now
            self._slots = {name: entry for name, entry in self._slots.items() if entry[0] > now}
        return key if len(self._slots) < KEYS_MAX else f"shared {hash(key) % _SHARED}"
