"""Records of the cache: life, renewal, grace, one producer at a time; in memory, with a clock of the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from core.data import cache as module
from core.data.cache import CachedValue, RecordCache
from core.data.deadline import remaining_s, set_deadline
from core.errors import Unavailable
from core.schema.model import Model
from core.settings import Cache


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Source:
    """Counts what it is asked for; fails on demand, and can be held up."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self) -> int:
        self.calls += 1
        number = self.calls
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return number


@dataclass
class Scene:
    cache: RecordCache
    clock: Clock
    source: Source

    async def get(self, **options: Any) -> CachedValue[int]:
        return await self.cache.cached("k", **{"lifetime_s": 60, "renew_s": 50, "producer": self.source, **options})

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    clock = Clock()
    cache = RecordCache(Cache(), clock)
    yield Scene(cache, clock, Source())
    await cache.close()


async def test_a_miss_is_made_and_kept(scene: Scene) -> None:
    assert await scene.get() == CachedValue(1, False, 60, 10)
    scene.clock.now += 4
    assert await scene.get() == CachedValue(1, True, 56, 6)
    assert (scene.cache.hits, scene.cache.misses) == (1, 1)


async def test_a_record_ends_with_its_lifetime(scene: Scene) -> None:
    await scene.get()
    scene.clock.now += 60
    assert await scene.get() == CachedValue(2, False, 60, 10)


async def test_without_a_producer_it_is_only_read(scene: Scene) -> None:
    assert await scene.get(producer=None) == CachedValue(None, False, 0, 0)
    await scene.get()
    assert (await scene.get(producer=None)).value == 1


async def test_force_makes_a_new_value(scene: Scene) -> None:
    await scene.get()
    assert await scene.get(force=True) == CachedValue(2, False, 60, 10)
    assert (await scene.get()).value == 2


async def test_an_old_value_is_returned_while_a_new_one_is_made(scene: Scene) -> None:
    await scene.get()
    scene.clock.now += 11
    scene.source.gate.clear()
    assert await scene.get() == CachedValue(1, True, 49, 0)
    assert (await scene.get()).value == 1
    await scene.settle()
    assert scene.source.calls == 2  # the second caller started no other one
    scene.source.gate.set()
    await scene.settle()
    assert await scene.get() == CachedValue(2, True, 60, 10)


async def test_a_failed_renewal_is_tried_again_after_the_fresh_time(scene: Scene) -> None:
    await scene.get()
    scene.clock.now += 11
    scene.source.error = RuntimeError("down")
    for expected in (2, 2, 3):
        assert (await scene.get()).value == 1
        await scene.settle()
        assert scene.source.calls == expected
        scene.clock.now += 5


async def test_grace_gives_the_old_value_while_no_new_one_can_be_made(scene: Scene) -> None:
    await scene.get(grace_s=30)
    scene.clock.now += 70
    scene.source.error = RuntimeError("down")
    assert await scene.get(grace_s=30) == CachedValue(1, True, 20, 0)
    assert await scene.get(grace_s=30) == CachedValue(1, True, 20, 0)
    assert scene.source.calls == 2  # not every caller tries
    scene.clock.now += 21
    with pytest.raises(RuntimeError):
        await scene.get(grace_s=30)


async def test_in_grace_a_new_value_is_tried_first(scene: Scene) -> None:
    await scene.get(grace_s=30)
    scene.clock.now += 70
    assert await scene.get(grace_s=30) == CachedValue(2, False, 60, 10)


async def test_a_failure_is_the_callers_and_is_not_kept(scene: Scene) -> None:
    scene.source.error = RuntimeError("down")
    with pytest.raises(RuntimeError):
        await scene.get()
    scene.source.error = None
    assert (await scene.get()).value == 2


async def test_CACHE_2_a_hundred_misses_make_one_value(scene: Scene) -> None:
    scene.source.gate.clear()
    calls = [asyncio.create_task(scene.get()) for _ in range(100)]
    await scene.settle()
    calls[0].cancel()  # whoever leaves does not take it away from the others
    scene.source.gate.set()
    values = await asyncio.gather(*calls[1:])
    assert scene.source.calls == 1
    assert {found.value for found in values} == {1}


async def test_the_deadline_of_the_first_caller_is_not_the_producers(scene: Scene) -> None:
    async def look() -> bool:
        return remaining_s() > 20

    async def call() -> CachedValue[bool]:
        set_deadline(0)
        return await scene.cache.cached("d", lifetime_s=5, producer=look)

    assert (await asyncio.create_task(call())).value


async def test_a_producer_has_its_own_bound(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PRODUCER_S", 0.01)
    scene.source.gate.clear()
    with pytest.raises(Unavailable):
        await scene.get()
    scene.source.gate.set()
    scene.source.error = TimeoutError()  # its own is its own
    with pytest.raises(TimeoutError):
        await scene.get()


async def test_in_grace_nobody_waits_while_another_one_tries(scene: Scene) -> None:
    await scene.get(grace_s=30)
    scene.clock.now += 58
    scene.source.gate.clear()
    assert (await scene.get(grace_s=30)).value == 1  # the renewal has begun
    scene.clock.now += 5
    assert await scene.get(grace_s=30) == CachedValue(1, True, 27, 0)


class Todo(Model, identity="cache-todo", collection="todos"):
    name: str = ""


@pytest.mark.parametrize(
    "value",
    [Todo(name="x"), [Todo(name="x")], datetime.now(UTC), {1, 2}, {1: "x"}, b"x"],
    ids=["model", "models", "time", "set", "number as key", "bytes"],
)
async def test_only_json_data_is_kept(scene: Scene, value: object) -> None:
    async def produce() -> object:
        return value

    with pytest.raises(TypeError):
        await scene.cache.cached("v", lifetime_s=5, producer=produce)


async def test_callers_do_not_share_a_value(scene: Scene) -> None:
    async def produce() -> list[int]:
        return [1]

    first, second = await asyncio.gather(*(scene.cache.cached("v", lifetime_s=5, producer=produce) for _ in range(2)))
    first.value.append(2)
    assert second.value == (await scene.cache.cached("v", lifetime_s=5, producer=produce)).value == [1]


E11_PAIRS = [
    ("a:b", ("a", "b")), (("a", "bc"), ("ab", "c")), (("a", ""), ("a",)), (("a,b",), ("a", "b")), (("('a',)",), ("a",)),
    ("\u212b", "\u00c5"), ("\ufb01", "fi"), ("k", "K"), ("a b", "a  b"), ("a\n", "a"), ("a\x00", "a"), ("x" * 181, "x" * 182),
    ("\ud800", "\ud801"), ("h:" + "0" * 64, "0" * 64), ("k!", "k"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), E11_PAIRS, ids=[ascii(pair)[:40] for pair in E11_PAIRS])
async def test_e11_different_keys_never_meet(scene: Scene, one: Any, other: Any) -> None:
    numbers = count(1)

    async def produce() -> int:
        return next(numbers)

    found = [await scene.cache.cached(key, lifetime_s=5, producer=produce) for key in (one, other, one)]
    assert [item.value for item in found] == [1, 2, 1]


async def test_CACHE_2_what_was_forced_is_not_replaced_by_what_was_begun_before(scene: Scene) -> None:
    """Whoever forces knows that the data changed; who began before may have read it as it was."""
    scene.source.gate.clear()
    gate = scene.source.gate
    early = asyncio.ensure_future(scene.get())
    await scene.settle()
    scene.source.gate = asyncio.Event()
    scene.source.gate.set()
    assert (await scene.get(force=True)).value == 2
    gate.set()
    assert (await early).value == 1
    assert (await scene.get()).value == 2


async def test_a_value_that_is_too_large_pushes_nothing_out() -> None:
    cache = RecordCache(Cache(memory_bytes=10_000), Clock())

    async def large() -> str:
        return "x" * 10_000

    numbers = count(1)
    await number_of(cache, "a", numbers)
    assert not (await cache.cached("b", lifetime_s=60, producer=large)).cached
    assert not (await cache.cached("b", lifetime_s=60, producer=large)).cached
    assert await number_of(cache, "a", numbers) == 1


async def number_of(cache: RecordCache, key: str, numbers: Iterator[int]) -> int:
    async def produce() -> int:
        return next(numbers)

    return (await cache.cached(key, lifetime_s=60, producer=produce)).value


async def test_memory_keeps_what_was_used_last() -> None:
    cache = RecordCache(Cache(memory_bytes=10_000), Clock())
    numbers = count(1)

    async def produce() -> str:
        return f"{next(numbers)}" + "x" * 1000

    first = await cache.cached("first", lifetime_s=50, producer=produce)
    for number in range(20):
        await cache.cached(f"k{number}", lifetime_s=50, producer=produce)
        assert (await cache.cached("first", lifetime_s=50, producer=produce)).value == first.value
    assert not (await cache.cached("k0", lifetime_s=50)).cached
    await cache.close()
