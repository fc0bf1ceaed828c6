"""The circuit breaker, by a clock of its own."""

from __future__ import annotations

import pytest

from core.http.breaker import Circuit


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def fail(circuit: Circuit, times: int) -> None:
    for _ in range(times):
        circuit.record(ok=False)


def test_EGR_6_it_opens_after_failures_in_a_row() -> None:
    circuit = Circuit(5, 10, Clock())
    fail(circuit, 4)
    circuit.record(ok=True)
    fail(circuit, 4)
    assert circuit.wait_s() == 0
    assert circuit.record(ok=False)  # tells that it opened
    assert circuit.wait_s() == 10


def test_EGR_6_it_opens_when_half_of_twenty_calls_fail() -> None:
    circuit = Circuit(5, 10, Clock())
    for _ in range(9):
        circuit.record(ok=True)
        circuit.record(ok=False)
    assert not circuit.is_open
    circuit.record(ok=True)
    circuit.record(ok=False)
    assert circuit.is_open


def test_EGR_6_failures_of_eleven_seconds_ago_do_not_count() -> None:
    clock = Clock()
    circuit = Circuit(100, 10, clock)
    fail(circuit, 15)
    clock.now += 11
    for _ in range(19):
        circuit.record(ok=True)
    fail(circuit, 1)
    assert not circuit.is_open


@pytest.mark.parametrize("ok", [True, False], ids=["success", "failure"])
def test_EGR_6_one_probe_decides(ok: bool) -> None:
    clock = Clock()
    circuit = Circuit(5, 10, clock)
    fail(circuit, 5)
    clock.now += 10
    assert circuit.wait_s() == 0  # the probe
    assert circuit.wait_s() == 10  # nobody else
    circuit.record(ok=ok)
    assert circuit.wait_s() == (0 if ok else 10)


def test_EGR_6_a_lost_probe_is_followed_by_another_one() -> None:
    clock = Clock()
    circuit = Circuit(5, 10, clock)
    fail(circuit, 5)
    clock.now += 10
    assert circuit.wait_s() == 0
    clock.now += 10
    assert circuit.wait_s() == 0


def test_without_a_number_it_never_opens() -> None:
    circuit = Circuit(0, 0, Clock())
    fail(circuit, 100)
    assert circuit.wait_s() == 0
