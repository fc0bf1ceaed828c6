"""Admission: how the limit follows the lag of the loop, and who goes first (LOAD-5)."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from core.errors import Unavailable
from core.serve.overload import Admission
from core.settings import Overload


class Running:
    """Requests under way, as many as a test says."""

    def __init__(self) -> None:
        self.count = self.waiting = 0

    def __len__(self) -> int:
        return self.count

    def count_waiting(self) -> int:
        return self.waiting


@pytest.fixture
def running() -> Running:
    return Running()


@pytest.fixture
def admission(running: Running) -> Admission:
    return Admission(Overload(max_lag_ms=30, max_requests=1000), running)  # type: ignore[arg-type]


def route(priority: str | None = None, *, authorization: bool = False) -> Any:
    return SimpleNamespace(priority=priority, authorization=authorization)


def test_nobody_asks_while_the_loop_is_in_time(admission: Admission) -> None:
    for _ in range(100):
        admission.note(0.001)
    assert (admission.alert, admission.limit) == (False, 1000)


def test_a_full_worker_asks_even_in_time(admission: Admission, running: Running) -> None:
    running.count = 500
    admission.note(0)
    assert admission.alert


def test_the_limit_falls_from_what_is_under_way_and_comes_back(admission: Admission, running: Running) -> None:
    running.count = 300
    found = []
    for _ in range(12):
        admission.note(0.5)
        found.append(admission.limit)
        running.count = min(running.count, int(admission.limit))
    assert found[:3] == [150, 75, 40 if found[2] == 40 else 37.5]
    assert found[-1] == 4
    assert admission.alert
    for _ in range(400):
        admission.note(0)
    assert (admission.alert, admission.limit) == (False, 1000)


def test_one_pause_of_the_machine_leaves_room(admission: Admission) -> None:
    admission.note(2.0)
    assert admission.limit == 40


def test_a_little_late_is_a_little_less(admission: Admission, running: Running) -> None:
    running.count = 100
    admission.note(0.031)
    assert admission.limit == pytest.approx(90)
    admission.note(0.020)  # neither late nor in time
    assert admission.limit == pytest.approx(90)


async def enter(admission: Admission, of: Any) -> bool:
    try:
        await admission.enter(of)
    except Unavailable as error:
        assert 1 <= int(error.headers["Retry-After"]) <= 3
        return False
    return True


SHED = [
    (20, "all"),
    (50, "all"),
    (51, "not low"),
    (90, "not low"),
    (91, "signed in"),
    (100, "signed in"),
    (101, "high"),
    (900, "high"),
]


@pytest.mark.parametrize(("count", "expected"), SHED, ids=[f"{count} under way" for count, _ in SHED])
async def test_LOAD_5_low_goes_first_then_open_then_protected_and_high_never(
    count: int, expected: str, admission: Admission, running: Running
) -> None:
    admission.limit, running.count = 100, count
    kinds = [route("low"), route(), route(authorization=True), route("normal"), route("high")]
    admitted = [await enter(admission, kind) for kind in kinds]
    wanted = {
        "all": [True] * 5,
        "not low": [False, True, True, True, True],
        "signed in": [False, False, True, True, True],
        "high": [False] * 4 + [True],
    }
    assert admitted == wanted[expected]


async def test_slow_bodies_do_not_use_up_the_limit(admission: Admission, running: Running) -> None:
    running.count, running.waiting = 200, 198
    for _ in range(10):
        admission.note(0.5)
    assert await enter(admission, route())


async def test_requests_that_arrive_together_are_counted_before_one_begins(
    admission: Admission, running: Running
) -> None:
    admission.limit = 10

    async def handle() -> bool:
        running.count += 1
        try:
            return await enter(admission, route("normal"))
        finally:
            running.count -= 1

    assert sum(await asyncio.gather(*(handle() for _ in range(50)))) == 10
