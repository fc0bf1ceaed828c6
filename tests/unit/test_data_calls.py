"""Driver calls survive their callers, and nobody waits longer than there is time."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pymongo.errors import AutoReconnect

from core.data.connection import Connection
from core.data.deadline import remaining_s, reset_deadline, set_deadline
from core.errors import NotConnected, StoreError
from core.settings import Mongo


def connect(limit_s: float) -> Connection:
    return Connection("main", Mongo(operation_timeout_s=limit_s))


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    token = set_deadline(time.monotonic() + seconds)
    try:
        yield
    finally:
        reset_deadline(token)


async def test_the_result_comes_back() -> None:
    async def call() -> int:
        await asyncio.sleep(0)
        return 7

    calls = connect(5)
    assert await calls.run(call()) == 7
    assert len(calls._calls) == 0


async def test_a_driver_error_crosses_the_border() -> None:
    async def call() -> None:
        raise AutoReconnect("gone")

    with pytest.raises(NotConnected) as caught:
        await connect(5).run(call())
    assert caught.value.name == "main"
    assert isinstance(caught.value.__cause__, AutoReconnect)


async def test_an_error_of_ours_passes_unchanged() -> None:
    error = StoreError("mine")

    async def call() -> None:
        raise error

    with pytest.raises(StoreError) as caught:
        await connect(5).run(call())
    assert caught.value is error


async def test_cancelling_the_caller_leaves_the_call_alone() -> None:
    go, done = asyncio.Event(), asyncio.Event()

    async def call() -> None:
        await go.wait()
        done.set()

    calls = connect(5)
    caller = asyncio.ensure_future(calls.run(call()))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert len(calls._calls) == 1
    go.set()
    await asyncio.wait_for(done.wait(), 5)
    await calls.drain(5)
    assert len(calls._calls) == 0


async def test_an_error_that_nobody_waits_for_is_not_reported_as_lost() -> None:
    lost: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: lost.append(context))
    go = asyncio.Event()

    async def call() -> None:
        await go.wait()
        raise AutoReconnect("late")

    calls = connect(5)
    caller = asyncio.ensure_future(calls.run(call()))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.wait([caller])
    go.set()
    await calls.drain(5)
    del caller
    await asyncio.sleep(0)
    asyncio.get_running_loop().set_exception_handler(None)
    assert lost == []


@pytest.mark.parametrize(
    ("operation_s", "limit_s", "rest_s"), [(-0.49, None, 9), (9, 0.01, 9), (9, None, 0.01), (9, None, -1)]
)
async def test_nobody_waits_longer_than_the_shortest_limit(
    operation_s: float, limit_s: float | None, rest_s: float
) -> None:
    never = asyncio.Event()
    calls = connect(operation_s)
    with deadline(rest_s), pytest.raises(NotConnected) as caught:
        await calls.run(never.wait(), limit_s=limit_s)
    assert isinstance(caught.value.__cause__, TimeoutError)
    assert len(calls._calls) == 1
    never.set()
    await calls.drain(5)


async def test_draining_cancels_what_does_not_end() -> None:
    calls = connect(5)
    caller = asyncio.ensure_future(calls.run(asyncio.Event().wait()))
    await asyncio.sleep(0)
    await calls.drain(0.01)
    assert len(calls._calls) == 0
    with pytest.raises(NotConnected):
        await caller


@pytest.mark.parametrize(("rest_s", "expected"), [(60, 5000), (1, 950), (0.0505, 1)])
def test_the_server_stops_before_the_deadline(rest_s: float, expected: int) -> None:
    assert connect(5).max_time_ms(rest_s) == expected


def test_the_deadline_at_hand_counts() -> None:
    assert connect(5).max_time_ms() == 5000
    with deadline(3):
        assert 1 <= connect(5).max_time_ms() <= 2950


@pytest.mark.parametrize("rest_s", [0.04, 0, -1])
def test_no_time_left_is_said_before_anything_is_sent(rest_s: float) -> None:
    with deadline(rest_s), pytest.raises(NotConnected):
        connect(5).max_time_ms()


async def test_tasks_inherit_the_deadline() -> None:
    async def inside() -> float:
        return remaining_s()

    assert remaining_s() == math.inf
    with deadline(5):
        assert 4 < await asyncio.create_task(inside()) <= 5
    assert remaining_s() == math.inf
