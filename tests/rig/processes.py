"""Processes that are killed, frozen and started again, and the schedule that does it.

In: command lines. Out: `Process` objects, and when which pid died: what `checkers.read_intervals` needs. They run
without coverage, and on Linux they end with the test process, however that ends.
"""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.server import server_command
from tests.tools import child_environment
from tests.tree import ROOT

# The kernel kills the children of a thread that ends: so all are made by one that does not.
_maker = ThreadPoolExecutor(1, thread_name_prefix="rig-maker")
_setpriv = shutil.which("setpriv")
_TIED = [_setpriv, "--pdeathsig", "KILL"] if sys.platform == "linux" and _setpriv else []


FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


def wrong_clock(skew: str = "", clock: Path | None = None) -> dict[str, str]:
    """Variables of a process whose wall clock is off by `skew`, `+30`, or by what the file `clock` says at any time."""
    when = {"FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1"} if clock else {"FAKETIME": skew}
    return {"LD_PRELOAD": FAKETIME, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1", **when}


class Process:
    """One command line, started as often as wanted; what it prints goes to `log`.

    Attributes:
        deaths: pid → when it was certainly dead, in nanoseconds of the monotonic clock.
    """

    def __init__(self, command: Sequence[str | Path], log: Path, cwd: Path = ROOT, **variables: str) -> None:
        self.log = log
        self.deaths: dict[int, int] = {}
        self._command = [*_TIED, *map(str, command)]
        self._cwd = cwd
        self._environment = child_environment(**variables)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the last start."""
        assert self._process is not None, "it was never started"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def output(self) -> str:
        """What all starts have printed so far."""
        return self.log.read_text(errors="replace")

    def start(self) -> None:
        assert not self.is_running, "it runs already"
        with self.log.open("ab") as output:
            streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
            make = lambda: subprocess.Popen(self._command, cwd=self._cwd, env=self._environment, **streams)  # noqa: E731
            self._process = _maker.submit(make).result()

    def kill(self) -> None:
        """`kill -9`; returns when it is gone. One that ended by itself stays ended."""
        self.send(signal.SIGKILL)
        self.wait()

    def freeze(self) -> None:
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        self.send(signal.SIGCONT)

    def stop(self, timeout_s: float = 30) -> int:
        """SIGTERM; returns the exit code."""
        self.send(signal.SIGTERM)
        return self.wait(timeout_s)

    def send(self, number: int) -> None:
        assert self._process is not None, "it was never started"
        self._process.send_signal(number)

    def wait(self, timeout_s: float = 30) -> int:
        """The exit code, once it ends; minus the number of a signal."""
        assert self._process is not None, "it was never started"
        code = self._process.wait(timeout_s)
        self.deaths.setdefault(self.pid, time.monotonic_ns())
        return code


def server_process(root: Path, port: int, mode: str = "test", *options: str, **variables: str) -> Process:
    """`python server.py <mode> serve --root <root>`, not started yet; its log is beside its configuration."""
    return Process(server_command(root, mode, port, *options), root / f"server-{port}.log", root, **variables)


@contextmanager
def running(*processes: Process) -> Iterator[tuple[Process, ...]]:
    """All of them started; killed at the end of the block, frozen ones too."""
    try:
        for process in processes:
            process.start()
        yield processes
    finally:
        for process in processes:
            if process.is_running:
                process.kill()


def deaths_of(processes: Collection[Process]) -> dict[int, int]:
    """pid → when it died, over all starts of all processes."""
    return {pid: at for process in processes for pid, at in process.deaths.items()}


def run_kills(
    processes: Sequence[Process],
    duration_s: float,
    *,
    seed: int,
    every_s: tuple[float, float] = (1.5, 4.0),
    down_s: tuple[float, float] = (0.5, 3.0),
    busy: Callable[[], Collection[int]] = tuple,
    aim: float = 0.8,
) -> int:
    """Kill one after the other for a while, and start each again after a pause; returns the number of kills.

    Args:
        processes: running ones; all run again at the end.
        duration_s: how long to go on. Blocks for that long.
        seed: of everything that is random here. When processes are busy is their own affair.
        every_s: bounds of the time between two kills.
        down_s: bounds of the time before a killed one starts again.
        busy: pids that are at work now, such as runs that began and have not ended.
        aim: share of kills that are aimed at one of those.
    """
    chance = random.Random(seed)
    now = time.monotonic()
    end, next_kill, kills = now + duration_s, now + chance.uniform(*every_s), 0
    starts: dict[Process, float] = {}
    while now < end:
        for process in [process for process, at in starts.items() if at <= now]:
            process.start()
            del starts[process]
        if next_kill <= now:
            alive = [process for process in processes if process.is_running]
            aimed = [process for process in alive if process.pid in busy()] if chance.random() < aim else []
            if alive:
                victim = chance.choice(aimed or alive)
                victim.kill()
                kills += 1
                starts[victim] = now + chance.uniform(*down_s)
            next_kill = now + chance.uniform(*every_s)
        time.sleep(0.01)
        now = time.monotonic()
    for process in starts:
        process.start()
    return kills
