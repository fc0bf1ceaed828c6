"""The benchmark's own arithmetic: what wrk says, how figures are compared, what is written into the document."""

from __future__ import annotations

import os
import sys
import time

import pytest

from tests.benchmarks.cases import CASES, KEYS, TARGETS, Target
from tests.benchmarks.footprint import Footprint
from tests.benchmarks.load import Load, LoadFailed, find_wrk, parse_load
from tests.benchmarks.measure import Sample
from tests.benchmarks.report import (
    BEGIN,
    END,
    Judged,
    build_table,
    build_verdict,
    foreign_cores,
    judge,
    read_committed,
    replace_figures,
)
from tests.tree import ROOT

WRK = """Running 1s test @ http://127.0.0.1:4000/bench/hello
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   623.61us  203.11us   3.12ms   85.02%
    Req/Sec    51.93k     2.73k   54.84k    90.00%
  Latency Distribution
     50%  610.00us
     75%  664.00us
     90%    1.73ms
     99%    1.20s
  51700 requests in 1.00s, 8.19MB read
Requests/sec:  51653.71
Transfer/sec:      8.18MB
"""


def sample(rate: float, cpu_us: float = 10, foreign: float = 0) -> Sample:
    return Sample(rate, 0.5, 1.5, cpu_us, foreign)


def find(name: str) -> Target:
    return next(target for target in TARGETS if target.name == name)


def test_the_figures_of_wrk_are_read_in_milliseconds() -> None:
    assert parse_load(WRK) == Load(51700, 51653.71, 0.61, 1200.0)


@pytest.mark.parametrize(
    "text",
    [
        WRK + "  Non-2xx or 3xx responses: 3\n",
        WRK + "  Socket errors: connect 0, read 1, write 0, timeout 0\n",
        WRK.replace("51700 requests", "0 requests"),
        WRK.replace("     99%    1.20s\n", ""),
        "unable to connect to 127.0.0.1:1",
    ],
    ids=["error answers", "socket errors", "nothing answered", "no percentile", "no server"],
)
def test_a_load_that_was_not_answered_is_no_figure(text: str) -> None:
    with pytest.raises(LoadFailed):
        parse_load(text)


def test_without_wrk_the_package_is_named(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="Debian package wrk"):
        find_wrk()


def test_a_ratio_is_the_median_of_the_ratios_of_each_round() -> None:
    samples = {
        ("A", "catena"): [sample(80), sample(40), sample(9)],
        ("A", "bare"): [sample(100), sample(50), sample(90)],
    }
    judged = {item.target.name: item for item in judge(samples, {}, {})}
    assert judged["A / bare"].value == pytest.approx(0.8)
    assert judged["A / bare"].is_met
    assert list(judged) == ["A / bare"]


def test_the_ratio_by_cpu_grows_when_less_is_used() -> None:
    samples = {("A", "catena"): [sample(80, cpu_us=20)], ("A", "bare"): [sample(100, cpu_us=10)]}
    assert judge(samples, {}, {})[0].by_cpu == pytest.approx(0.5)


def test_a_bound_on_cpu_is_kept_by_using_less() -> None:
    samples = {("E1", "catena"): [sample(10, cpu_us=11.2)], ("E1", "starlette"): [sample(10, cpu_us=10)]}
    [judged] = judge(samples, {}, {})
    assert (judged.value, judged.is_met) == (pytest.approx(1.12), False)


def test_start_and_memory_are_those_of_the_demo() -> None:
    footprints = {"catena, demo": Footprint(0.5, 50, 61), "bare": Footprint(0.1, 30, 31)}
    assert [(item.value, item.is_met) for item in judge({}, footprints, {})] == [(0.5, True), (61, False)]


@pytest.mark.parametrize(
    ("name", "value", "committed", "worse"),
    [
        ("A / bare", 0.85, 1.0, True),
        ("A / bare", 0.95, 1.0, False),
        ("A / bare", 1.5, 1.0, False),
        ("E1 CPU / starlette", 1.2, 1.0, True),
        ("E1 CPU / starlette", 0.8, 1.0, False),
        ("A / bare", 0.1, None, False),
    ],
    ids=["fell", "noise", "rose", "costs more", "costs less", "new"],
)
def test_worse_than_committed(name: str, value: float, committed: float | None, worse: bool) -> None:
    assert Judged(find(name), value, None, committed).is_worse == worse


def test_a_verdict_that_was_written_can_be_read() -> None:
    judged = [Judged(find("A / bare"), 0.9, 0.7512, None), Judged(find("H CPU / catena 10 routes"), 1.01, None, None)]
    text = replace_figures(f"# Figures\n{BEGIN}\nold\n{END}\nend\n", build_verdict(judged, compare=False))
    assert read_committed(text) == {"A / bare": 0.751, "H CPU / catena 10 routes": 1.01}
    assert text.startswith("# Figures\n") and text.endswith("\nend\n") and "old" not in text


def test_figures_are_not_written_where_no_place_is_marked() -> None:
    with pytest.raises(ValueError, match="no place"):
        replace_figures("# Figures\n", "figures")


def test_the_table_shows_medians_and_their_spread() -> None:
    samples = {("A", "catena"): [sample(900), sample(1000), sample(1200)]}
    row = [cell.strip() for cell in build_table(samples).splitlines()[2].strip("|").split("|")]
    assert row == ["A", "hello", "catena", "1,000", "0.50", "1.50", "10.0", "30%"]


def test_one_disturbed_sample_does_not_make_the_machine_busy() -> None:
    samples = {("A", "catena"): [sample(1, foreign=0.01), sample(1, foreign=0.9), sample(1, foreign=0.02)]}
    assert foreign_cores(samples) == 0.02
    assert foreign_cores({}) == 0


def test_every_target_is_about_something_that_is_measured() -> None:
    assert {target.case for target in TARGETS if target.of != "figure"} <= set(KEYS)
    for case in CASES:
        against = {target.against for target in TARGETS if target.case == case.key and target.of != "p50"}
        assert against <= set(case.servers), case.key


def test_the_document_holds_a_figure_for_every_target() -> None:
    committed = read_committed((ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8"))
    assert set(committed) == {target.name for target in TARGETS}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads clocks of Linux")
def test_the_cpu_time_of_a_process_is_read_from_outside() -> None:
    from tests.benchmarks.machine import cpu_s

    before, own = cpu_s(os.getpid()), time.process_time()
    sum(range(200_000))
    assert cpu_s(os.getpid()) - before == pytest.approx(time.process_time() - own, abs=0.02)
