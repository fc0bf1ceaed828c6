"""What a server costs before it does anything: time to the first answer, and memory.

In: commands. Out: `Footprint` by server. Catena runs the demo, with its database up; the others run their
measured application. Starts are interleaved, and the first of each (which compiles files) is not counted.
"""

from __future__ import annotations

import shutil
import statistics
import time
from dataclasses import dataclass

from tests.benchmarks.load import find_wrk, run_load
from tests.benchmarks.machine import Cores
from tests.benchmarks.process import Process, catena_command, comparison_command, start
from tests.server import make_demo_root

DEMO = "/demo/v1/todo"


@dataclass(frozen=True, slots=True)
class Footprint:
    """Medians over the starts. `rss_mb` is that of the last one after a second of load."""

    start_s: float
    idle_mb: float
    rss_mb: float


def measure_footprints(cores: Cores, url: str, rounds: int) -> dict[str, Footprint]:
    """Start every server `rounds` times.

    Args:
        cores: servers get one of them.
        url: of the database.
        rounds: how many starts count.
    """
    root = make_demo_root()
    commands = {
        "catena, demo": (catena_command("test", root), DEMO),
        **{name: (comparison_command(name), "/bench/hello") for name in ("bare", "starlette", "fastapi")},
    }
    starts: dict[str, list[float]] = {name: [] for name in commands}
    idle: dict[str, list[float]] = {name: [] for name in commands}
    loaded: dict[str, float] = {}
    try:
        for turn in range(rounds + 1):
            for name, (command, path) in commands.items():
                began = time.monotonic()
                with start(name, command, {cores.server}, path, CATENA_MONGO_URL=url) as process:
                    if turn:
                        starts[name].append(time.monotonic() - began)
                        idle[name].append(process.rss_mb())
                    if turn == rounds:
                        loaded[name] = _rss_after_load(process, path)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return {
        name: Footprint(statistics.median(starts[name]), statistics.median(idle[name]), loaded[name])
        for name in commands
    }


def _rss_after_load(process: Process, path: str) -> float:
    run_load(find_wrk(), f"http://127.0.0.1:{process.port}{path}", connections=32, seconds=1)
    return process.rss_mb()
