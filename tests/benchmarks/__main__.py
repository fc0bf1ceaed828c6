"""`make bench`: every case on every server, interleaved in one run, beside the targets and the last figures.

    python -m tests.benchmarks [--cases A,B] [--repeats 5] [--seconds 1] [--quick] [--write]

Exit code: 0 when all targets are met and nothing got worse, 1 when not, 2 when the machine was too busy to
judge. The server has one core, load and database have the other.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from pymongo import MongoClient

from core.data.embedded import EmbeddedMongo
from tests.benchmarks.cases import CASES, FOOTPRINT, KEYS, OUTGOING, PAIRS, WORKERS, Case
from tests.benchmarks.footprint import Footprint, measure_footprints
from tests.benchmarks.machine import Cores, choose_cores, describe_machine, is_quiet
from tests.benchmarks.measure import Bench, check_agreement
from tests.benchmarks.process import APPLICATION, Process, catena_command, comparison_command, start
from tests.benchmarks.report import (
    FOREIGN_CORES,
    build_footprint_table,
    build_table,
    build_verdict,
    foreign_cores,
    judge,
    read_committed,
    replace_figures,
)
from tests.benchmarks.samples import make_items
from tests.benchmarks.signed import make_documents
from tests.mongo import mongod_pids
from tests.tree import ROOT

DOCUMENT = ROOT / "docs" / "benchmarks.md"
BUSY = 2
PATIENCE_S = 120
ROUNDS_OF_PAIRS = 10


def main() -> int:
    """Measure, print, judge; returns the exit code."""
    options = read_options()
    cores = choose_cores()
    if not wait_for_quiet(cores):
        load = os.getloadavg()[0]
        print(f"The machine is busy (load average {load:.1f}): no figures, no judgement.", file=sys.stderr)
        return BUSY
    os.sched_setaffinity(0, {cores.load})
    root = Path(tempfile.mkdtemp(prefix="catena-bench-"))
    try:
        mongo = EmbeddedMongo.start(root)
        bench = Bench(cores, mongod_pids(root), options.seconds, PATIENCE_S)
        try:
            footprints = measure(options, bench, mongo.url)
        except BaseException:
            print(build_table(bench.samples))  # a failure costs its own case, not the minutes before it
            raise
        finally:
            mongo.stop()
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return report(options, cores, bench, footprints)


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Measure speed and memory.")
    parser.add_argument("--cases", type=_read_cases, default=KEYS, help=f"some of {','.join(KEYS)}")
    parser.add_argument("--repeats", type=int, default=5, help="rounds that count (5)")
    parser.add_argument("--seconds", type=int, default=1, help="of load per sample (1)")
    parser.add_argument("--quick", action="store_true", help="2 rounds; for a look, not for a judgement")
    parser.add_argument("--write", action="store_true", help=f"put the figures into {DOCUMENT.name}")
    options = parser.parse_args()
    if options.quick:
        options.repeats = 2
    if options.write and (options.quick or set(options.cases) != set(KEYS)):
        parser.error("--write needs all cases and all rounds")
    return options


def _read_cases(text: str) -> list[str]:
    keys = text.split(",")
    if set(keys) - set(KEYS):
        raise argparse.ArgumentTypeError(f"cases are {', '.join(KEYS)}")
    return keys


def wait_for_quiet(cores: Cores) -> bool:
    """Whether both cores are free, now or soon."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        if is_quiet(cores):
            return True
        if time.monotonic() > deadline:
            return False


def measure(options: argparse.Namespace, bench: Bench, mongo_url: str) -> dict[str, Footprint]:
    """Take all samples that were asked for; returns the footprints."""
    cases = [case for case in CASES if case.key in options.cases]
    url = mongo_url.replace("/?", "/bench?")
    with MongoClient(url) as client:
        client["bench"]["bench-items"].insert_many(make_items())
        for collection, document in make_documents().items():
            client["bench"][collection].create_index("id", unique=True)
            client["bench"][collection].insert_one(document)
    if cases:
        run_cases(bench, cases, url, options.repeats)
    for case in PAIRS:
        if case.key in options.cases:
            run_pair(bench, case, url, options)
    footprints = {}
    if FOOTPRINT in options.cases:
        say("starts")
        footprints = measure_footprints(bench.cores, mongo_url.replace("/?", "/demo?"), options.repeats)
    say("")
    return footprints


def run_cases(bench: Bench, cases: list[Case], url: str, rounds: int) -> None:
    """All cases on all four servers, each of which has the same core."""
    core = {bench.cores.server}
    names = sorted({name for case in cases for name in case.servers} - {"catena"})
    commands = {"catena": catena_command("bench", APPLICATION), **{name: comparison_command(name) for name in names}}
    variables = {"CATENA_MONGO_URL": url}
    with ExitStack() as stack:
        if any(case.key in OUTGOING for case in cases):
            behind = start("upstream", comparison_command("upstream"), {bench.cores.load}, "/bench/hello")
            upstream = stack.enter_context(behind)
            variables["BENCH_UPSTREAM"] = f"http://127.0.0.1:{upstream.port}/bench"
            stack.callback(setattr, bench, "others", bench.others)  # it ends with these cases
            bench.others = [*bench.others, *upstream.workers()]
        servers: dict[str, Process] = {
            name: stack.enter_context(start(name, command, core, "/bench/hello", **variables))
            for name, command in commands.items()
        }
        check_agreement(cases, servers)
        bench.run_rounds(cases, servers, rounds, say)


def run_pair(bench: Bench, case: Case, url: str, options: argparse.Namespace) -> None:
    """Catena against itself."""
    core = bench.cores.both if case is WORKERS else {bench.cores.server}
    rounds = options.repeats if case is WORKERS or options.quick else max(ROUNDS_OF_PAIRS, options.repeats)
    with ExitStack() as stack:
        servers = {}
        for name, (extra, variables) in case.variants.items():
            command = catena_command("bench", APPLICATION, *extra)
            entered = start(name, command, core, "/bench/hello", CATENA_MONGO_URL=url, **variables)
            servers[name] = stack.enter_context(entered)
        bench.run_rounds([case], servers, rounds, say)


def report(options: argparse.Namespace, cores: Cores, bench: Bench, footprints: dict[str, Footprint]) -> int:
    """Print the tables, judge, write the document when asked to; returns the exit code."""
    text = DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.exists() else ""
    judged = judge(bench.samples, footprints, read_committed(text))
    foreign = foreign_cores(bench.samples)
    about = (
        f"{describe_machine()}. {options.repeats} rounds of {options.seconds} s; others kept {foreign:.2f} cores busy."
    )
    tables = [build_table(bench.samples)] if bench.samples else []
    tables += [build_footprint_table(footprints)] if footprints else []
    print("\n\n".join([about, *tables, build_verdict(judged, compare=True)]))
    print()
    os.sched_setaffinity(0, cores.both)
    if foreign > FOREIGN_CORES:
        print(f"The machine was busy (load average {os.getloadavg()[0]:.1f}): no judgement.")
        return BUSY
    if options.write:
        figures = "\n\n".join([about, *tables, build_verdict(judged, compare=False)])
        DOCUMENT.write_text(replace_figures(text, figures), encoding="utf-8")
    short = [item.target.name for item in judged if not item.is_met]
    worse = [item.target.name for item in judged if item.is_worse]
    print(f"Short of the target: {', '.join(short) or 'nothing'}.")
    print(f"Worse than committed: {', '.join(worse) or 'nothing'}.")
    return 1 if short or worse else 0


def say(text: str) -> None:
    """Show on a terminal what is going on, on one line."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
