"""Times that mean the same on a busy machine: measured beside work whose cost on a quiet one is known.

Where processes share cores, and virtual machines share processors, the CPU time of the same work grows several times.
In: a function. Out: the time that it would have taken on a quiet machine of today.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

#: of `_reference` on a quiet machine; slower ones count as busy, faster ones get no discount
REFERENCE_MS = 8.0
#: of `_start_interpreter`, likewise
START_S = 0.11
#: so little that no pace would change the verdict
NOTHING_MS = 5.0


def cpu_ms(call: Callable[[], object], tries: int = 3) -> float:
    """The least of several runs, each judged by the pace of the machine right after it."""
    least = _run_once(call)
    for _ in range(tries - 1):
        if least <= NOTHING_MS:
            break
        least = min(least, _run_once(call))
    return least


def _run_once(call: Callable[[], object]) -> float:
    took = _measure(call)
    return took if took <= NOTHING_MS else took / pace()


def pace() -> float:
    """How much more CPU time the same work takes now than on a quiet machine."""
    return max(1.0, _measure(_reference) / REFERENCE_MS)


def _measure(call: Callable[[], object]) -> float:
    started = time.process_time()
    call()
    return (time.process_time() - started) * 1000


def _reference() -> None:
    made: dict[int, int] = {}
    for number in range(100_000):
        made[number & 1023] = number


def start_s(start: Callable[[], object]) -> float:
    """The seconds that something takes to start processes and wait for them, by the pace of starts right after it."""
    took = _watch(start)
    return took / max(1.0, min(_watch(_start_interpreter) for _ in range(3)) / START_S)


def _watch(call: Callable[[], object]) -> float:
    started = time.monotonic()
    call()
    return time.monotonic() - started


def _start_interpreter() -> None:
    modules = "asyncio, decimal, email.message, http.client, inspect, json, ssl"
    subprocess.run([sys.executable, "-c", f"import {modules}"], check=True)
