"""wrk: how it is called and what it says.

In: a URL, connections, seconds, a script. Out: `Load`. Any answer but 2xx or 3xx, and any socket error, ends
the benchmark: figures of failing servers mean nothing.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.tools import PROGRAMS

SCRIPTS = Path(__file__).parent / "scripts"
_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk measured. Times in milliseconds."""

    requests: int
    rate: float
    p50_ms: float
    p99_ms: float


class LoadFailed(Exception):
    """The server did not answer every request."""


def find_wrk() -> str:
    """The path of wrk.

    Raises:
        SystemExit: it is not installed; says which package brings it.
    """
    path = shutil.which("wrk")
    if path is None:
        raise SystemExit(f"the benchmark needs wrk (Debian package {PROGRAMS['wrk'][1]}), which is not installed")
    return path


def run_load(wrk: str, url: str, connections: int, seconds: int, script: str = "", *arguments: str) -> Load:
    """Send requests on keep-alive connections as fast as the server answers.

    Args:
        wrk: its path.
        url: what is asked for.
        connections: how many.
        seconds: how long; wrk knows whole ones only.
        script: a file in `scripts/`.
        arguments: of the script.

    Raises:
        LoadFailed: an answer was missing or an error.
    """
    command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "5s"]
    if script:
        command += ["-s", str(SCRIPTS / script)]
    done = subprocess.run([*command, url, "--", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LoadFailed(f"{url}: {done.stderr or done.stdout}")
    return parse_load(done.stdout)


def parse_load(text: str) -> Load:
    """The figures of wrk's report.

    Raises:
        LoadFailed: errors are reported, or a figure is missing.
    """
    trouble = re.search(r"Non-2xx or 3xx responses: \d+|Socket errors: .*", text)
    if trouble:
        raise LoadFailed(trouble[0])
    requests = re.search(r"(\d+) requests in ", text)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    if requests is None or rate is None or not int(requests[1]):
        raise LoadFailed(f"wrk measured nothing:\n{text}")
    return Load(int(requests[1]), float(rate[1]), _read_percentile(text, 50), _read_percentile(text, 99))


def _read_percentile(text: str, percent: int) -> float:
    match = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s|m)\s*$", text, re.MULTILINE)
    if match is None:
        raise LoadFailed(f"wrk gives no {percent}th percentile:\n{text}")
    return float(match[1]) * _MS[match[2]]
