"""Measuring: rounds over all cases and servers, so that a slow minute of the machine hits all of them alike.

In: running servers and cases. Out: samples by case and server, in the order of the rounds. The first round
warms everything up and is forgotten; the order of the servers turns by one in every round.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from tests.benchmarks.cases import Case
from tests.benchmarks.load import find_wrk, run_load
from tests.benchmarks.machine import Cores, busy_s, cpu_s, is_quiet
from tests.benchmarks.process import Process
from tests.benchmarks.samples import ENTRY, ORDER
from tests.benchmarks.signed import make_key

#: a sample with more foreign work than this on the cores is taken again
DISTURBED_CORES = 0.10
RETAKES = 3
IDLE_LOOKS, IDLE_LOOK_S = 50, 0.03

#: (case, server) → samples, one per round
Samples = dict[tuple[str, str], list["Sample"]]


@dataclass(frozen=True, slots=True)
class Sample:
    """One server under one load.

    Attributes:
        rate: answers per second.
        p50_ms, p99_ms: latency.
        cpu_us: CPU time of the server per request.
        foreign: cores that somebody else kept busy meanwhile, from 0 to 2.
    """

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    foreign: float


class Bench:
    """What is needed to take samples.

    Args:
        cores: that servers and load run on.
        others: process ids of ours that work besides the servers: the database.
        seconds: how long one sample takes.
        patience_s: how long to wait, in sum, for others to leave the cores.
    """

    def __init__(self, cores: Cores, others: Sequence[int], seconds: int, patience_s: float) -> None:
        self.cores = cores
        self.patience_s = patience_s
        self.samples: Samples = {}
        self.others = list(others)
        self._seconds = seconds
        self._wrk = find_wrk()
        self._bodies = Path(tempfile.mkdtemp(prefix="catena-bodies-"))
        for name, body in {"order": ORDER, "entry": ENTRY}.items():
            (self._bodies / name).write_bytes(orjson.dumps(body))

    def run_rounds(
        self,
        cases: Iterable[Case],
        servers: Mapping[str, Process],
        rounds: int,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Add one sample per round for every case and server, after a round that is not counted."""
        cases = list(cases)
        for turn in range(rounds + 1):
            for case in cases:
                names = case.servers[turn % len(case.servers) :] + case.servers[: turn % len(case.servers)]
                for name in names:
                    note(f"round {turn} of {rounds}, case {case.key}, {name}")
                    sample = self._take(case, servers[name], servers.values())
                    if turn:
                        sample = self._improve(sample, case, servers[name], servers.values())
                        self.samples.setdefault((case.key, name), []).append(sample)

    def _improve(self, sample: Sample, case: Case, server: Process, servers: Iterable[Process]) -> Sample:
        """A sample that others disturbed is taken again, when they have left; the least disturbed one counts."""
        for _ in range(RETAKES):
            if sample.foreign <= DISTURBED_CORES or self.patience_s <= 0:
                break
            began = time.monotonic()
            while not is_quiet(self.cores) and time.monotonic() - began < self.patience_s:
                pass  # looking takes its time
            again = self._take(case, server, servers)
            self.patience_s -= time.monotonic() - began
            sample = min(sample, again, key=lambda taken: taken.foreign)
        return sample

    def _take(self, case: Case, server: Process, servers: Iterable[Process]) -> Sample:
        arguments = [str(self._bodies / case.body)] if case.body else []
        arguments += [make_key(case.signed, server.port)] if case.signed else []
        url = f"http://127.0.0.1:{server.port}{case.path}"
        pids = [pid for process in servers for pid in process.workers()]
        used, ours, busy, began = server.cpu_s(), self._ours_s(pids), busy_s(self.cores.both), time.monotonic()
        load = run_load(self._wrk, url, case.connections, self._seconds, case.script, *arguments)
        took = time.monotonic() - began
        foreign = (busy_s(self.cores.both) - busy - (self._ours_s(pids) - ours)) / took
        cpu_us = (server.cpu_s() - used) / load.requests * 1e6
        _wait_until_idle(server)
        return Sample(load.rate, load.p50_ms, load.p99_ms, cpu_us, max(0.0, foreign))

    def _ours_s(self, pids: Iterable[int]) -> float:
        """CPU seconds of everything that belongs to the benchmark, wrk included once it has ended."""
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        running = sum(cpu_s(pid) for pid in (*pids, *self.others))
        return ended.ru_utime + ended.ru_stime + running + time.process_time()


def _wait_until_idle(server: Process) -> None:
    """Wrk leaves with requests under way; they must not take time from the next sample."""
    for _ in range(IDLE_LOOKS):
        used = server.cpu_s()
        time.sleep(IDLE_LOOK_S)
        if server.cpu_s() - used < IDLE_LOOK_S / 10:
            return


def check_agreement(cases: Iterable[Case], servers: Mapping[str, Process]) -> None:
    """Every server gives the same answer to the same request, and all but the bare one refuse a bad body.

    Raises:
        SystemExit: one differs; its figures could not be compared.
    """
    for case in cases:
        answers = {name: _ask(case, servers[name]) for name in case.servers}
        if len({orjson.dumps(answer, option=orjson.OPT_SORT_KEYS) for answer in answers.values()}) != 1:
            raise SystemExit(f"the servers do not agree in case {case.key}:\n{answers}")
        refusing = [name for name in case.servers if case.body and name != "bare"]
        for name in refusing:
            if servers[name].ask(case.path, b'{"name": 1}')[0] not in {400, 422}:
                raise SystemExit(f"the server '{name}' does not check bodies in case {case.key}")
        for name in [name for name in case.servers if case.signed and name != "bare"]:
            if servers[name].ask(case.path, key="0" * 170)[0] != 401:
                raise SystemExit(f"the server '{name}' does not check signatures in case {case.key}")


def _ask(case: Case, server: Process) -> object:
    """The answer without what differs each time: a new id, the digits of fractions of a second."""
    body = {"order": orjson.dumps(ORDER), "entry": orjson.dumps(ENTRY)}.get(case.body, b"")
    path = "/bench/items/" + f"{7:024x}" if case.script == "items.lua" else case.path
    status, answer = server.ask(path, body, make_key(case.signed, server.port) if case.signed else "")
    if status != 200:
        raise SystemExit(f"the server '{server.name}' answers {status} in case {case.key}: {answer!r}")
    if case.body == "entry":
        return sorted(orjson.loads(answer)["response"])
    return orjson.loads(answer.replace(b".000Z", b"Z"))
