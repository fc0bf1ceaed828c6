"""LOAD-1 … LOAD-4 in figures: needs a machine that does nothing else. One server, one load after the other.

The capacity C is that of a handler with 5 ms of CPU, measured first. The order matters: without admission control
the collapse shows in the last step, when the load is bearable again.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge import edge_root, start_edge
from tests.rig.load import LoadResult, get_request, run_load
from tests.server import Server

REQUEST = get_request("/edge/burn")
STEP_S = 60


@pytest.fixture(scope="module")
def results() -> Iterator[dict[str, tuple[LoadResult, float, int]]]:
    """Step → what came of it, the capacity, and how many handlers were started."""
    found = {}
    with edge_root("") as root, start_edge(root, measured=True) as server:
        capacity = measure_capacity(server)
        for name, share in (("0.7", 0.7), ("4", 4), ("8", 8), ("0.8", 0.8)):
            before = count_started(root)
            result = run_load(server.port, REQUEST, share * capacity, STEP_S)
            found[name] = (result, capacity, count_started(root) - before)
            print(
                f"{name} C = {share * capacity:.0f}/s: {result.good / STEP_S:.0f}/s good, {result.refused} refused,"
                f" {result.late} late, {result.failed} failed, p99 {result.percentile_ms(0.99):.0f} ms"
            )
    yield found


def measure_capacity(server: Server) -> float:
    """The highest rate of which 99 % is answered in time."""
    best = 50.0
    for rate in range(60, 400, 10):
        result = run_load(server.port, REQUEST, rate, 2)
        if result.good < 0.99 * result.offered:
            break
        best = rate
    return best


def count_started(root: Path) -> int:
    """Handlers begun so far; each wrote one byte."""
    return (root / "started.log").stat().st_size


@pytest.mark.parametrize(("step", "late"), [("4", 0.01), ("8", 0.05)])
def test_LOAD_1_goodput(step: str, late: float, results: dict[str, tuple[LoadResult, float, int]]) -> None:
    result, capacity, _ = results[step]
    assert result.good >= 0.9 * capacity * STEP_S
    assert result.late <= late * result.offered
    assert result.percentile_ms(0.99) <= 250


def test_LOAD_2_recovery(results: dict[str, tuple[LoadResult, float, int]]) -> None:
    result, _, _ = results["0.8"]
    assert result.good >= 0.99 * result.offered


def test_LOAD_3_no_refusals_below_capacity(results: dict[str, tuple[LoadResult, float, int]]) -> None:
    result, _, _ = results["0.7"]
    assert result.refused <= 0.001 * result.offered


@pytest.mark.parametrize("step", ["4", "8"])
def test_LOAD_4_nothing_is_started_for_clients_that_are_gone(
    step: str, results: dict[str, tuple[LoadResult, float, int]]
) -> None:
    result, _, started = results[step]
    assert started - result.good <= 0.05 * started
