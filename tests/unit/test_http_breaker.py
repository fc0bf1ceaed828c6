"""The circuit breaker and the budget for retries, by a clock of their own."""

from __future__ import annotations

import pytest

from core.http.breaker import Circuit, RetryBudget


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def fail(circuit: Circuit, times: int) -> None:
    for _ in range(times):
        circuit.record(ok=False)


def test_EGR_6_it_opens_after_failures_in_a_row() -> None:
    circuit = Circuit(5, 10, clock=Clock())
    fail(circuit, 4)
    circuit.record(ok=True)
    fail(circuit, 4)
    assert circuit.wait_s() == 0
    assert circuit.record(ok=False)  # tells that it opened
    assert circuit.wait_s() == 10


def test_EGR_6_it_opens_when_half_of_twenty_calls_fail() -> None:
    circuit = Circuit(5, 10, clock=Clock())
    for _ in range(9):
        circuit.record(ok=True)
        circuit.record(ok=False)
    assert not circuit.is_open
    circuit.record(ok=True)
    circuit.record(ok=False)
    assert circuit.is_open


def test_EGR_6_failures_of_eleven_seconds_ago_do_not_count() -> None:
    clock = Clock()
    circuit = Circuit(100, 10, clock=clock)
    fail(circuit, 15)
    clock.now += 11
    for _ in range(19):
        circuit.record(ok=True)
    fail(circuit, 1)
    assert not circuit.is_open


@pytest.mark.parametrize("ok", [True, False], ids=["success", "failure"])
def test_EGR_6_one_probe_decides(ok: bool) -> None:
    clock = Clock()
    circuit = Circuit(5, 10, clock=clock)
    fail(circuit, 5)
    clock.now += 10
    assert circuit.wait_s() == 0  # the probe
    assert circuit.wait_s() == 10  # nobody else
    circuit.record(ok=ok)
    assert circuit.wait_s() == (0 if ok else 10)


def test_EGR_6_a_lost_probe_is_followed_by_another_one() -> None:
    clock = Clock()
    circuit = Circuit(5, 10, clock=clock)
    fail(circuit, 5)
    clock.now += 10
    assert circuit.wait_s() == 0
    clock.now += 10
    assert circuit.wait_s() == 0


def test_EGR_5_retries_are_a_tenth_of_the_calls() -> None:
    budget = RetryBudget()
    taken = 0
    for _ in range(1000):
        budget.add_call()
        taken += budget.take()
    assert taken <= 101


def test_EGR_5_a_quiet_time_saves_ten_retries_at_most() -> None:
    budget = RetryBudget()
    for _ in range(10_000):
        budget.add_call()
    assert sum(budget.take() for _ in range(100)) == 10
