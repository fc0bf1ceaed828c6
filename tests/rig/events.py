"""An event log that survives `kill -9` and compares across processes of one machine.

In: calls from any number of processes that know the path. Out: events in the order they were written, each with
a monotonic time. One `os.write` per line on a file opened for appending: a line is there as a whole or not at all.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Event:
    """`at_ns` is of the machine's monotonic clock, which no test turns."""

    at_ns: int
    pid: int
    name: str
    data: Mapping[str, Any]


class EventLog:
    """Writes events to a file; made at import in the code under test, whose environment names the file."""

    def __init__(self, path: str | Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, name: str, **data: Any) -> None:
        """One line: time, process, event, and what else can be written as JSON (`str` of what cannot)."""
        line = json.dumps([time.monotonic_ns(), os.getpid(), name, data], default=str)
        os.write(self._file, line.encode() + b"\n")

    def close(self) -> None:
        os.close(self._file)


def read_events(path: str | Path) -> list[Event]:
    """Everything written so far; nothing when nobody has. A reader may see a part of the line at the end."""
    lines = Path(path).read_bytes().splitlines(keepends=True) if Path(path).exists() else []
    return [Event(*json.loads(line)) for line in lines if line.endswith(b"\n")]
