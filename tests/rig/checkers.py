"""What a fault test proves: how many ran at once, what was lost, what happened twice.

In: events or plain values that the processes under test wrote before they were killed. Out: numbers and sets to
compare with the bar. Pure; nothing here asks a database.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.rig.events import Event


@dataclass(frozen=True)
class Interval:
    """A time in which something ran, `start_ns <= t < end_ns`; `data` is that of its first event."""

    start_ns: int
    end_ns: int
    pid: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)


def read_intervals(
    events: Iterable[Event],
    *,
    run: str = "run",
    begin: str = "start",
    end: str = "end",
    deaths: Mapping[int, int] | None = None,
    until_ns: int | None = None,
) -> list[Interval]:
    """Pair the first and last event of each run.

    Args:
        events: in any order.
        run: member of the data that names a run; it is unique over all processes.
        begin: name of the first event.
        end: name of the last event.
        deaths: process → when it was killed: a run without a last event ended then.
        until_ns: where what still runs is cut off; the last event by default.

    Raises:
        AssertionError: a run began twice, or ended without having begun.
    """
    events = list(events)
    if until_ns is None:
        until_ns = max((event.at_ns for event in events), default=0) + 1
    begun: dict[Hashable, Event] = {}
    ended: dict[Hashable, int] = {}
    for event in events:
        if event.name == begin:
            assert event.data[run] not in begun, f"run {event.data[run]} began twice"
            begun[event.data[run]] = event
        elif event.name == end:
            ended[event.data[run]] = event.at_ns
    assert ended.keys() <= begun.keys(), f"ended without a beginning: {ended.keys() - begun.keys()}"
    killed = deaths or {}
    return [
        Interval(event.at_ns, ended.get(name, killed.get(event.pid, until_ns)), event.pid, event.data)
        for name, event in begun.items()
    ]


def max_overlap(intervals: Iterable[Interval]) -> int:
    """How many ran at once at the worst instant; one that ends when another begins does not count with it."""
    edges = sorted(edge for item in intervals for edge in ((item.start_ns, 1), (item.end_ns, -1)))
    running = most = 0
    for _, change in edges:
        running += change
        most = max(most, running)
    return most


def max_overlap_by(intervals: Iterable[Interval], key: Callable[[Interval], Hashable]) -> dict[Hashable, int]:
    """The same for each group: `max_overlap_by(runs, lambda run: run.pid)`."""
    groups: defaultdict[Hashable, list[Interval]] = defaultdict(list)
    for item in intervals:
        groups[key(item)].append(item)
    return {name: max_overlap(group) for name, group in groups.items()}


@dataclass(frozen=True)
class Difference:
    """Of two collections: what is missing, what came more than once (with the count), what nobody expected."""

    lost: frozenset[Hashable]
    twice: Mapping[Hashable, int]
    foreign: frozenset[Hashable]

    def __bool__(self) -> bool:
        return bool(self.lost or self.twice or self.foreign)


def compare(expected: Iterable[Hashable], found: Iterable[Hashable]) -> Difference:
    """Nothing lost, nothing twice: `assert not compare(acknowledged, stored)`."""
    wanted, counts = frozenset(expected), Counter(found)
    return Difference(
        wanted - counts.keys(),
        {name: count for name, count in counts.items() if count > 1},
        frozenset(counts.keys() - wanted),
    )
