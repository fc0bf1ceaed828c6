"""The machine: its cores, who else uses them, and what a process took.

In: `/proc` and clocks of Linux. Out: seconds of CPU, shares of foreign work, a sentence for the report. That
somebody else uses the cores shows when they are busier than our processes together.
"""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LOOK_S = 0.5
_QUIET_CORES = 0.1


@dataclass(frozen=True, slots=True)
class Cores:
    """Which core serves, and which one runs the load and the database."""

    server: int
    load: int

    @property
    def both(self) -> set[int]:
        return {self.server, self.load}


def choose_cores() -> Cores:
    """The first two cores this process may use.

    Raises:
        SystemExit: there is only one, or this is not Linux.
    """
    if not hasattr(os, "sched_getaffinity"):
        raise SystemExit("the benchmark needs Linux: it pins processes to cores")
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise SystemExit("the benchmark needs two cores: one for the server, one for the load")
    return Cores(*usable[:2])


def is_quiet(cores: Cores) -> bool:
    """Whether nobody works on the cores just now; asked while nothing of ours does."""
    before = busy_s(cores.both)
    time.sleep(_LOOK_S)
    return (busy_s(cores.both) - before) / _LOOK_S < _QUIET_CORES


@contextmanager
def on_cores(cores: Collection[int]) -> Iterator[None]:
    """This process, and the children it starts, run on these cores within the block."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_s(pid: int) -> float:
    """CPU seconds of a process with all its threads, to the nanosecond; `/proc/<pid>/stat` counts in 10 ms."""
    return time.clock_gettime((~pid << 3) | 2)  # the kernel's CPUCLOCK_SCHED of that process


def busy_s(cores: Iterable[int]) -> float:
    """Seconds that cores have worked for anybody, time stolen by other machines included."""
    wanted = {f"cpu{core}" for core in cores}
    total = 0.0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name in wanted:
            user, nice, system, _idle, _waiting, interrupts, soft, stolen = map(int, fields[:8])
            total += user + nice + system + interrupts + soft + stolen
    return total / _TICKS


def rss_mb(pid: int) -> float:
    """Resident memory of a process, in MB of 2^20 bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 2**20


def children_of(pid: int) -> list[int]:
    """The direct children of a process."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue  # it ended just now
            if parent == pid:
                found.append(int(entry.name))
    return found


def describe_machine() -> str:
    """Processor, system and versions, as far as they decide about figures."""
    match = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    processor = match[1].strip() if match else platform.machine()
    names = ("uvicorn", "uvloop", "httptools", "pymongo", "orjson", "starlette", "fastapi", "pydantic")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    kernel = platform.release().partition("-")[0]
    return f"{processor}, {os.cpu_count()} cores, Linux {kernel}, Python {platform.python_version()}; {versions}"
