"""The checkers find what they are there for, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.rig.checkers import Interval, compare, max_overlap, max_overlap_by, read_intervals
from tests.rig.events import Event, EventLog, read_events
from tests.tree import ROOT

OVERLAPS = {
    "none": ([], 0),
    "one": ([(0, 5)], 1),
    "apart": ([(0, 5), (6, 9)], 1),
    "back to back": ([(0, 5), (5, 9)], 1),
    "nested": ([(0, 9), (1, 2), (3, 4)], 2),
    "three at one instant": ([(0, 5), (4, 8), (4, 6), (6, 9)], 3),
    "empty": ([(3, 3), (3, 4)], 1),
}


@pytest.mark.parametrize(("spans", "most"), OVERLAPS.values(), ids=OVERLAPS)
def test_most_at_once(spans: list[tuple[int, int]], most: int) -> None:
    assert max_overlap(Interval(*span) for span in reversed(spans)) == most


def test_most_at_once_by_process() -> None:
    runs = [Interval(0, 5, 1), Interval(1, 6, 2), Interval(2, 7, 1)]
    assert max_overlap(runs) == 3
    assert max_overlap_by(runs, lambda run: run.pid) == {1: 2, 2: 1}


def event(at: int, name: str, run: str, pid: int = 1) -> Event:
    return Event(at, pid, name, {"run": run})


def test_runs_end_with_their_last_event_their_process_or_the_log() -> None:
    events = [event(1, "start", "a"), event(2, "start", "b", 2), event(3, "start", "c", 3), event(5, "end", "a")]
    runs = read_intervals(events, deaths={2: 4}, until_ns=9)
    assert [(run.start_ns, run.end_ns, run.pid) for run in runs] == [(1, 5, 1), (2, 4, 2), (3, 9, 3)]
    assert read_intervals(events)[2].end_ns == 6


@pytest.mark.parametrize(
    ("events", "problem"),
    [([event(1, "start", "a"), event(2, "start", "a")], "began twice"), ([event(1, "end", "a")], "without")],
    ids=["begun twice", "never begun"],
)
def test_a_log_that_makes_no_sense_is_refused(events: list[Event], problem: str) -> None:
    with pytest.raises(AssertionError, match=problem):
        read_intervals(events)


def test_sets() -> None:
    assert not compare([1, 2], [2, 1])
    difference = compare([1, 2, 3], [2, 2, 2, 3, 9])
    assert (difference.lost, difference.twice, difference.foreign) == ({1}, {2: 3}, {9})


WRITER = """
import sys
from tests.rig.events import EventLog
log = EventLog(sys.argv[1])
for number in range(1000):
    log.write("line", number=number, text="x" * 200)
sys.stdin.read()
"""


def test_events_of_killed_processes_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "events"
    assert read_events(path) == []
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) for _ in range(3)]
    while len(read_events(path)) < 500:
        pass
    for writer in writers:
        writer.kill()
        writer.communicate()
    log = EventLog(path)
    log.write("last", path=tmp_path)
    log.close()
    events = read_events(path)
    assert (events[-1].name, events[-1].data) == ("last", {"path": str(tmp_path)})
    for writer in writers:
        own = [event for event in events if event.pid == writer.pid]
        assert [event.data["number"] for event in own] == list(range(len(own)))
        assert [event.at_ns for event in own] == sorted(event.at_ns for event in own)
