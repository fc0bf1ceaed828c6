"""Tables and judgement.

In: samples and footprints. Out: Markdown for people and for `docs/benchmarks.md`, and what falls short. Ratios
are medians of the ratios of each round, because what happens to one round happens to all servers in it.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.benchmarks.cases import CASES, PAIRS, RSS, START, TARGETS, WORKERS, Case, Target
from tests.benchmarks.footprint import Footprint
from tests.benchmarks.measure import Sample, Samples

#: figures differ by this much from run to run; less is no change
NOISE = 0.10
#: cores that others may keep busy before figures mean nothing
FOREIGN_CORES = 0.10
BEGIN, END = "<!-- figures: written by the benchmark -->", "<!-- end of figures -->"


@dataclass(frozen=True, slots=True)
class Judged:
    """A figure beside its target and what was committed last.

    `by_cpu` is the same ratio of CPU per request: it says what the servers do, whatever else the machine does.
    So targets are about the value, and what got better or worse is told by CPU where that is possible.
    """

    target: Target
    value: float
    by_cpu: float | None
    committed: float | None

    @property
    def is_met(self) -> bool:
        return self.target.is_met(round(self.value, 3))

    @property
    def steady(self) -> float:
        """What is compared with the figure that was committed."""
        return self.value if self.by_cpu is None else self.by_cpu

    @property
    def change(self) -> float | None:
        """How much better (positive) or worse than the committed figure, as a share of it."""
        if not self.committed:
            return None
        change = self.steady / self.committed - 1
        return change if self.target.bound == ">=" else -change

    @property
    def is_worse(self) -> bool:
        return self.change is not None and self.change < -NOISE


def judge(samples: Samples, footprints: Mapping[str, Footprint], committed: Mapping[str, float]) -> list[Judged]:
    """Every target for which there are figures."""
    found = []
    for target in TARGETS:
        value, by_cpu = find_figure(target, samples, footprints)
        if value is not None:
            found.append(Judged(target, value, by_cpu, committed.get(target.name)))
    return found


def find_figure(
    target: Target, samples: Samples, footprints: Mapping[str, Footprint]
) -> tuple[float | None, float | None]:
    """The figure of a target, and for rates the one by CPU; `None` where it was not measured."""
    if target.of == "figure":
        demo = footprints.get("catena, demo")
        return (None, None) if demo is None else ({START: demo.start_s, RSS: demo.rss_mb}[target.case], None)
    ours = next(case.servers[0] for case in (*CASES, *PAIRS) if case.key == target.case)
    if target.of == "p50":
        taken = samples.get((target.case, ours), [])
        return (_median(taken, "p50_ms"), None) if taken else (None, None)
    pairs = list(zip(samples.get((target.case, ours), []), samples.get((target.case, target.against), []), strict=True))
    if not pairs:
        return None, None
    by_cpu = statistics.median(mine.cpu_us / theirs.cpu_us for mine, theirs in pairs)
    if target.of == "cpu":
        return by_cpu, None
    by_rate = statistics.median(mine.rate / theirs.rate for mine, theirs in pairs)
    return by_rate, None if target.case == WORKERS.key else 1 / by_cpu


def build_table(samples: Samples) -> str:
    """Medians by case and server."""
    rows = [
        (case.key if name == case.servers[0] else "", case.title if name == case.servers[0] else "", name, *row)
        for case in (*CASES, *PAIRS)
        for name in case.servers
        if (row := _row(case, name, samples))
    ]
    return _markdown(("", "case", "server", "req/s", "p50 ms", "p99 ms", "CPU µs per request", "spread"), rows)


def _row(case: Case, name: str, samples: Samples) -> tuple[str, ...]:
    taken = samples.get((case.key, name))
    if not taken:
        return ()
    rates = [sample.rate for sample in taken]
    rate = statistics.median(rates)
    return (
        f"{rate:,.0f}",
        f"{_median(taken, 'p50_ms'):.2f}",
        f"{_median(taken, 'p99_ms'):.2f}",
        f"{_median(taken, 'cpu_us'):,.1f}",
        f"{(max(rates) - min(rates)) / rate:.0%}",
    )


def _median(taken: Sequence[Sample], name: str) -> float:
    return statistics.median(getattr(sample, name) for sample in taken)


def build_footprint_table(footprints: Mapping[str, Footprint]) -> str:
    """Start and memory by server."""
    rows = [
        (name, f"{item.start_s:.2f}", f"{item.idle_mb:.0f}", f"{item.rss_mb:.0f}") for name, item in footprints.items()
    ]
    return _markdown(("server", "start to first answer, s", "RSS idle, MB", "RSS after load, MB"), rows)


def build_verdict(judged: Sequence[Judged], *, compare: bool) -> str:
    """Figures beside their targets; with `compare` beside the committed ones, too."""
    rows = []
    for item in judged:
        by_cpu = "" if item.by_cpu is None else f"{item.by_cpu:.3g}"
        row = [item.target.name, f"{item.value:.3g}", by_cpu, f"{item.target.bound} {item.target.value:g}"]
        row.append("met" if item.is_met else "**short**")
        if compare:
            row += ["" if item.committed is None else f"{item.committed:g}"]
            row += ["" if item.change is None else f"{item.change:+.0%}{' worse' if item.is_worse else ''}"]
        rows.append(row)
    return _markdown(("figure", "value", "by CPU", "target", "", *(("committed", "change") if compare else ())), rows)


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, its columns padded so that it reads in a terminal, too."""
    cells = [list(head), *map(list, rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    is_number = [all(re.match(r"[\d.,%]*$", row[column]) for row in cells[1:]) for column in range(len(head))]
    lines = [
        "| "
        + " | ".join(c.rjust(w) if n else c.ljust(w) for c, w, n in zip(row, widths, is_number, strict=True))
        + " |"
        for row in cells
    ]
    rule = "|" + "|".join("-" * (w + 1) + (":" if n else "-") for w, n in zip(widths, is_number, strict=True)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def read_committed(text: str) -> dict[str, float]:
    """Figure → its ratio by CPU, or its value where it has none, from the table of `docs/benchmarks.md`."""
    names = {target.name for target in TARGETS}
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return {row[0]: float(row[2] or row[1]) for row in rows if row[0] in names}


def replace_figures(text: str, figures: str) -> str:
    """The document with what stands between the marks replaced.

    Raises:
        ValueError: the marks are missing.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the document has no place for figures: {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n{figures}\n\n{END}{after}"


def foreign_cores(samples: Samples) -> float:
    """How many cores others kept busy: the median over all samples."""
    return statistics.median([sample.foreign for taken in samples.values() for sample in taken] or [0.0])
