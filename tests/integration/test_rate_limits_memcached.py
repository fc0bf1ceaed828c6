"""Rate limits whose counters stand in a real memcached, that hangs, dies, forgets and comes back in mid-run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from core.data import memcached as module
from core.data.counters import SLOTS, MemcachedCounters
from core.data.memcached import Memcached
from core.serve import limits
from core.serve.limits import Limiter
from core.settings import RateLimit
from tests.memcached import MemcachedProcess


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers count however busy the machine is."""
    monkeypatch.setattr(module, "CALL_S", 10)
    monkeypatch.setattr(limits, "_ANSWER_S", 30)


class Clock:
    """The time of servers that agree; a test moves it."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def limiters(name: str, count: int, clock: Clock | None = None) -> AsyncIterator[list[Limiter]]:
    """Limiters as separate processes have them: with connections and memory of their own."""
    peers = [Memcached([name]) for _ in range(count)]
    clocks = {"clock": clock} if clock else {}
    try:
        yield [
            Limiter(MemcachedCounters(peer, "shop", clock or time.time), processes=count, **clocks)  # type: ignore[arg-type]
            for peer in peers
        ]
    finally:
        for peer in peers:
            await peer.close()


async def admitted(found: list[Limiter], limit: RateLimit, tries: int, key: str = "k") -> int:
    calls = [found[number % len(found)].take(key, limit) for number in range(tries)]
    return sum(verdict.allowed for verdict in await asyncio.gather(*calls))


async def test_RATE_1_e04_four_processes_admit_exactly_the_limit(memcached: MemcachedProcess, patient: None) -> None:
    async with limiters(memcached.name, 4, Clock()) as four:  # in one slot: where two meet it may be fewer
        for number in range(20):
            assert await admitted(four, RateLimit(10, 600), 50, f"k{number}") == 10
        large = await admitted(four, RateLimit(2000, 600), 2800, "large")
        assert 1900 <= large <= 2000


async def test_RATE_1_where_slots_meet_no_more_is_admitted(memcached: MemcachedProcess, patient: None) -> None:
    """The clocks of two processes are a moment apart, on both sides of the border of a slot."""
    early, late = Clock(), Clock()
    late.now += 1
    async with limiters(memcached.name, 1, early) as (one,), limiters(memcached.name, 1, late) as (other,):
        assert int(early.now / 20 * SLOTS) != int(late.now / 20 * SLOTS)
        for number in range(20):
            assert await admitted([one, other], RateLimit(10, 20), 40, f"k{number}") <= 10
            assert await admitted([other, one], RateLimit(10, 20), 40, f"l{number}") <= 10


@pytest.mark.parametrize(("requests", "per_s", "step"), [(10, 10, 0.37), (3, 60, 0.7), (600, 5, 0.004)])
async def test_RATE_2_no_window_holds_more_than_the_limit(
    memcached: MemcachedProcess, patient: None, requests: int, per_s: float, step: float
) -> None:
    clock, times = Clock(), list[float]()
    async with limiters(memcached.name, 2, clock) as both:
        for number in range(1500):
            clock.now += step
            if (await both[number % 2].take("k", RateLimit(requests, per_s))).allowed:
                times.append(clock.now)
    for index, start in enumerate(times):
        assert sum(1 for at in times[index : index + 2 * requests] if at < start + per_s) <= requests
    assert len(times) >= min(1500, 0.95 * requests * (1500 * step / per_s - 1))


async def test_RATE_5_a_client_that_waits_as_told_is_admitted(memcached: MemcachedProcess, patient: None) -> None:
    clock = Clock()
    async with limiters(memcached.name, 2, clock) as both:
        for _ in range(5):
            assert await admitted(both, RateLimit(4, 10), 9) == 4
            refused = await both[0].take("k", RateLimit(4, 10))
            assert not refused.allowed and 0 < refused.reset_s <= 10.5
            clock.now += refused.reset_s + 0.01


@pytest.mark.parametrize(("end", "mend"), [("kill", "start"), ("hang", "go_on")])
async def test_RATE_3_e03_without_memcached_each_process_keeps_its_share(
    memcached: MemcachedProcess, end: str, mend: str
) -> None:
    async with limiters(memcached.name, 2) as both:
        await admitted(both, RateLimit(10, 600), 1, "warm")
        getattr(memcached, end)()
        assert await admitted(both, RateLimit(10, 600), 60) == 10  # five each
        slow = 0
        for number in range(200):
            started = time.perf_counter()
            assert (await both[0].take(f"other {number}", RateLimit(10, 600))).allowed
            slow += time.perf_counter() - started > 0.02
        assert slow <= 10
        getattr(memcached, mend)()
        deadline = time.monotonic() + 20
        number = 0
        while await admitted(both, RateLimit(10, 600), 40, f"back {number}") != 10 or await said_no(both, number):
            number += 1
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)


async def said_no(both: list[Limiter], number: int) -> bool:
    """Whether a limit is still counted by each process alone: the other one admits what this one used up."""
    await admitted(both[:1], RateLimit(10, 600), 10, f"shared {number}")
    return await admitted(both[1:], RateLimit(10, 600), 1, f"shared {number}") != 0


async def test_RATE_3_e03_a_memcached_that_forgets_all_the_time_does_not_lift_the_limit(
    memcached: MemcachedProcess, patient: None
) -> None:
    async with limiters(memcached.name, 2) as both:
        total = 0
        for _ in range(30):
            total += await admitted(both, RateLimit(10, 600), 6)
            memcached.ask(b"flush_all")
        assert 10 <= total <= 20  # the limit of each process
