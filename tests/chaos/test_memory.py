"""LIFE-4: a million requests of every kind leave nothing behind.

`CATENA_CHAOS_REQUESTS` makes it shorter; the slope is then that of the second half all the same.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest
from pymongo import MongoClient

from tests.attack.conftest import TARGET_ROOT
from tests.server import Server, start_server
from tests.tools import require_tool

REQUESTS = int(os.environ.get("CATENA_CHAOS_REQUESTS", "1000000"))
SAMPLES = 50
MIX = """
local calls = {
  {"GET", "/target/query?name=alice"}, {"GET", "/target/query?limit=x"}, {"GET", "/nowhere"},
  {"POST", "/target/body", '{"name": "alice"}'}, {"POST", "/target/body", '{"name": '},
  {"POST", "/target/accounts", '{"name": "alice"}'}, {"POST", "/target/echo", '{"a": [1, {"b": "c"}]}'},
  {"GET", "/target/path/alice"}, {"GET", "/target/private/x"}, {"GET", "/health/ready"},
}
local at = 0
request = function()
  at = at % #calls + 1
  local call = calls[at]
  return wrk.format(call[1], call[2], {["Content-Type"] = "application/json"}, call[3])
end
done = function(summary)
  io.write(string.format("requests %d socket %d\\n", summary.requests,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
"""


@pytest.fixture
def server(own_root: Path, mongo_url: str) -> Iterator[Server]:
    url = mongo_url.replace("/?", "/test_memory?")
    shutil.copytree(TARGET_ROOT, own_root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    with start_server(own_root, measured=True, CATENA_MONGO_URL=url) as running:
        yield running


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def slope(points: list[tuple[int, int]]) -> float:
    """Theil and Sen's: the median of the slopes between all pairs, which no outlier moves."""
    return median((y2 - y1) / (x2 - x1) for i, (x1, y1) in enumerate(points) for x2, y2 in points[i + 1 :])


def test_the_slope_ignores_outliers() -> None:
    assert slope([(0, 0), (1, 2), (2, 4), (3, 600), (4, 8)]) == 2


def test_LIFE_4_memory_files_and_connections_stay_flat(server: Server, mongo_url: str, tmp_path: Path) -> None:
    script = tmp_path / "mix.lua"
    script.write_text(MIX)
    pid, points, files, sent = server.process.pid, [], [], 0
    with MongoClient(mongo_url) as admin:
        while sent < REQUESTS:
            sent += send(server.port, script, REQUESTS // SAMPLES)
            points.append((sent, resident_bytes(pid)))
            files.append(
                (
                    len(list(Path(f"/proc/{pid}/fd").iterdir())),
                    admin.admin.command("serverStatus")["connections"]["current"],
                )
            )
    early = next(size for at, size in points if at >= REQUESTS // 10)
    late = points[len(points) // 2 :]
    grown, per_request = points[-1][1] - early, slope(late)
    print(
        f"{sent} requests, from {early / 2**20:.1f} MiB, grown {grown / 2**20:+.2f} MiB, {per_request:+.2f} bytes/request"
    )
    print(f"files and connections of the database: {files[0]} to {files[-1]}")
    assert grown <= 5 * 2**20
    assert per_request <= 2
    assert max(count for count, _ in files) <= files[0][0] + 60  # 50 connections of a pool that fills
    assert '"level":"error"' not in server.output


def send(port: int, script: Path, requests: int) -> int:
    """At least so many requests on 16 kept connections."""
    done = 0
    while done < requests:
        load = [require_tool("wrk"), "-t1", "-c16", "-d5s", "--timeout", "30s"]
        command = [*load, "-s", script, f"http://127.0.0.1:{port}"]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        count, errors = output.rsplit("requests ", 1)[1].split()[0::2]
        assert int(errors) == 0, output
        done += int(count)
    return done
