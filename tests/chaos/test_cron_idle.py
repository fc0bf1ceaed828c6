"""What a server pays for a thousand jobs that are not due."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.integration.crons import Cluster, cluster
from tests.mongo import wait_until
from tests.timing import pace

WINDOW_S = 60  # within which the one job that is due every minute runs once


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


COMMANDS = ("aggregate", "getMore", "findAndModify", "find", "insert", "update", "delete")


def _operations(made: Cluster) -> Counter[str]:
    commands = made.client.admin.command("serverStatus")["metrics"]["commands"]
    return Counter({name: commands[name]["total"] for name in COMMANDS})


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_thousand_idle_jobs_cost_next_to_nothing(mongo_url: str, database_name: str) -> None:
    with cluster(mongo_url, database_name, "idle", 15) as made:
        process = made.process()
        process.start()
        wait_until(
            lambda: (
                made.jobs.count_documents({"_id": {"$regex": "^ticks-idle"}, "slots.cluster": {"$exists": True}})
                == 1000
            ),
            60,
        )
        time.sleep(4)  # the start is over
        cpu_s, operations, began = _cpu_s(process.pid), _operations(made), time.monotonic()
        paces: list[float] = []
        while time.monotonic() - began < WINDOW_S:
            paces.append(pace())
            time.sleep(0.5)
        elapsed_s = time.monotonic() - began
        share = (_cpu_s(process.pid) - cpu_s) / elapsed_s / statistics.mean(paces)
        asked = _operations(made) - operations
        rate = asked.total() / elapsed_s
        print(f"1,000 idle jobs: {share:.2%} of a core at a pace of 1, {rate:.2f} operations a second: {dict(asked)}")
        print(f"as measured, {statistics.mean(paces):.2f} times that")
        assert rate <= 1
        assert share <= 0.02
