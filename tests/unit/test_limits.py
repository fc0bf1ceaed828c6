"""The sliding window, and what a worker makes of it."""

from __future__ import annotations

import asyncio
import sys

import pytest

from core.data.counters import KEYS_MAX, Count, MemoryCounters
from core.errors import NotConnected
from core.serve.limits import Limiter, client_key
from core.settings import RateLimit


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Spy:
    """Counters that remember what they were asked for, and can be out of reach."""

    def __init__(self, clock: Clock) -> None:
        self.inner = MemoryCounters(clock)
        self.asked: list[int] = []
        self.down = False

    async def take(self, key: str, requests: int, per_s: float, wanted: int) -> Count:
        self.asked.append(wanted)
        await asyncio.sleep(0)
        if self.down:
            raise NotConnected("main")
        return await self.inner.take(key, requests, per_s, wanted)


async def admitted(limiter: Limiter, limit: RateLimit, tries: int, key: str = "k") -> int:
    verdicts = await asyncio.gather(*(limiter.take(key, limit) for _ in range(tries)))
    return sum(verdict.allowed for verdict in verdicts)


async def test_RATE_1_of_many_at_once_exactly_the_limit_is_admitted_in_few_questions() -> None:
    clock = Clock()
    spy = Spy(clock)
    limiter = Limiter(spy, clock=clock)
    assert await admitted(limiter, RateLimit(10, 60), 50) == 10
    assert len(spy.asked) <= 2
    assert await admitted(limiter, RateLimit(10, 60), 50) == 0
    assert len(spy.asked) <= 2  # what is known to be refused is refused here


async def test_RATE_1_who_comes_while_a_question_is_under_way_is_asked_for_once() -> None:
    clock, answer = Clock(), asyncio.Event()
    spy = Spy(clock)

    class Slow(Spy):
        async def take(self, key: str, requests: int, per_s: float, wanted: int) -> Count:
            await answer.wait()
            return await spy.take(key, requests, per_s, wanted)

    limiter = Limiter(Slow(clock), clock=clock)
    both = []
    for _ in range(2):
        both.append(asyncio.create_task(limiter.take("k", RateLimit(10, 60))))
        for _ in range(5):
            await asyncio.sleep(0)
    answer.set()
    assert [verdict.allowed for verdict in await asyncio.gather(*both)] == [True, True]
    assert spy.asked == [1, 1]  # else a request is granted here that nobody makes, and refused elsewhere


@pytest.mark.parametrize(
    ("requests", "per_s", "step"), [(10, 10, 0.37), (100, 7, 0.013), (3, 60, 0.7), (600, 5, 0.004)]
)
async def test_RATE_2_no_window_admits_more_than_a_tenth_over_the_limit(
    requests: int, per_s: float, step: float
) -> None:
    clock = Clock()
    limiter = Limiter(MemoryCounters(clock), clock=clock)
    times: list[float] = []
    for _ in range(4000):
        clock.now += step
        if (await limiter.take("k", RateLimit(requests, per_s))).allowed:
            times.append(clock.now)
    for index, start in enumerate(times):
        inside = sum(1 for at in times[index : index + 2 * requests] if at < start + per_s)
        assert inside <= requests
    offered = 4000 * step
    assert len(times) <= requests * (offered / per_s + 1)
    assert len(times) >= min(4000, 0.95 * requests * (offered / per_s - 1))


@pytest.mark.parametrize(
    ("requests", "before", "gap"), [(1, 1, 0), (10, 10, 0), (10, 3, 6), (7, 7, 9.5), (500, 500, 3)]
)
async def test_RATE_5_a_client_that_waits_as_told_is_admitted(requests: int, before: int, gap: float) -> None:
    clock = Clock()
    limiter = Limiter(MemoryCounters(clock), clock=clock)
    limit = RateLimit(requests, 10)
    assert await admitted(limiter, limit, before) == before
    clock.now += gap
    while (verdict := await limiter.take("k", limit)).allowed:
        pass
    headers = verdict.headers("route")
    assert headers["x-rate-limit-remaining"] == "0" and headers["x-rate-limit-limit"] == str(requests)
    clock.now += verdict.reset_s - 0.01
    assert not (await limiter.take("k", limit)).allowed
    clock.now += 0.02
    assert (await limiter.take("k", limit)).allowed
    assert int(headers["retry-after"]) >= verdict.reset_s


async def test_a_large_limit_is_taken_in_blocks() -> None:
    clock = Clock()
    spy = Spy(clock)
    limiter = Limiter(spy, processes=2, clock=clock)
    for _ in range(100):
        assert (await limiter.take("k", RateLimit(1000, 60))).allowed
    assert spy.asked == [10] * 10
    clock.now += 200  # grants that nobody used are gone with their window
    assert (await limiter.take("k", RateLimit(1000, 60))).remaining == 999


async def test_RATE_3_without_counters_each_process_keeps_its_share() -> None:
    clock = Clock()
    spy = Spy(clock)
    spy.down = True
    limiter = Limiter(spy, processes=2, clock=clock)
    assert await admitted(limiter, RateLimit(10, 60), 30) == 5
    asked = len(spy.asked)
    assert await admitted(limiter, RateLimit(10, 60), 30, "other") == 5
    assert len(spy.asked) == asked  # it is left alone for a second
    clock.now += 1.1
    spy.down = False
    assert await admitted(limiter, RateLimit(10, 60), 30, "third") == 10


async def test_remaining_counts_down_and_reset_is_the_end_of_the_window() -> None:
    clock = Clock()
    limiter = Limiter(MemoryCounters(clock), clock=clock)
    verdicts = [await limiter.take("k", RateLimit(3, 10)) for _ in range(4)]
    assert [verdict.remaining for verdict in verdicts] == [2, 1, 0, 0]
    assert [verdict.allowed for verdict in verdicts] == [True, True, True, False]
    assert verdicts[0].headers("file") == {
        "x-rate-limit-limit": "3",
        "x-rate-limit-remaining": "2",
        "x-rate-limit-reset": "11",
        "ratelimit-policy": '"file";q=3;w=10',
        "ratelimit": '"file";r=2;t=11',
    }


async def test_RATE_4_keys_beyond_the_table_share_counters_and_are_never_unlimited(monkeypatch) -> None:
    monkeypatch.setattr("core.data.counters.KEYS_MAX", 10)
    monkeypatch.setattr("core.data.counters._SHARED", 1)
    monkeypatch.setattr("core.serve.limits._GRANTS_MAX", 10)
    clock = Clock()
    limiter = Limiter(MemoryCounters(clock), clock=clock)
    verdicts = [await limiter.take(f"client {number}", RateLimit(2, 60)) for number in range(30)]
    assert sum(verdict.allowed for verdict in verdicts) == 12  # ten of their own, two for all the others
    assert len(limiter._grants) <= 11
    assert KEYS_MAX == 200_000


async def test_RATE_4_a_full_table_of_counters_takes_less_than_64_mib() -> None:
    """Every key with requests in many slots, which is the most that one can take; scaled up to the full table."""
    clock, keys, size = Clock(), 2000, 0
    counters = MemoryCounters(clock)
    for _ in range(21):
        clock.now += 3
        for key in range(keys):
            assert (await counters.take(f"{key}", 1000, 60, 1)).granted == 1
    for turn in counters._turns.values():
        size += sys.getsizeof(turn) + sum(sys.getsizeof(key) + sys.getsizeof(entry) for key, entry in turn.items())
    assert sum(map(len, counters._turns.values())) == keys
    assert size / keys * KEYS_MAX < 64 * 2**20


async def test_what_was_counted_moves_on_with_its_key_and_is_dropped_when_it_is_over() -> None:
    clock = Clock()
    counters = MemoryCounters(clock)
    assert (await counters.take("a", 10, 60, 9)).granted == 9
    clock.now += 60  # the next turn, and still in the window
    assert (await counters.take("a", 10, 60, 9)).granted == 1
    for _ in range(50):
        clock.now += 70
        await counters.take("b", 10, 60, 1)
    assert sum(map(len, counters._turns.values())) == 1 and len(counters._turns) <= 2


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:0db8:0001:0002::/64"),
        ("2001:db8:1:2:ffff::1", "2001:0db8:0001:0002::/64"),
        ("fe80::1%eth0", "fe80:0000:0000:0000::/64"),
        ("", ""),
    ],
)
def test_RATE_4_a_client_is_an_address_or_the_network_of_one(address: str, key: str) -> None:
    assert client_key(address) == key
