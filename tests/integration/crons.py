"""Clusters of processes that run the jobs of `cron_root`: started, and read by their event log.

In: a MongoDB. Out: a `Cluster` with its processes, runs as intervals, and the documents of jobs.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database

from tests.mongo import wait_until
from tests.rig.checkers import Interval, read_intervals
from tests.rig.events import Event, read_events
from tests.rig.processes import Process, deaths_of, wrong_clock
from tests.server import free_port
from tests.tree import ROOT

SKEWS = ["+0", "+30", "-30", "+15", "-15", "+29", "-29", "+0"]


class Cluster:
    """Processes on one database that declare the same few jobs."""

    def __init__(self, url: str, name: str, jobs: str, folder: Path, dead_after_s: float) -> None:
        self.folder, self.log, self.declared, self.dead_after_s = folder, folder / "events", jobs, dead_after_s
        self.url = url.replace("/?", f"/{name}?")
        self.client: MongoClient[dict[str, Any]] = MongoClient(self.url, tz_aware=True, w="majority")
        self.database: Database[dict[str, Any]] = self.client[name]
        self.jobs, self.runs = self.database["cronJobs"], self.database["cronRuns"]
        self.processes: list[Process] = []

    def process(self, *, url: str = "", skew: str = "", jobs: str = "", clock: Path | None = None) -> Process:
        """One more, not started; `skew` is how far its clock is off, or a file `clock` says so at any time."""
        number = len(self.processes)
        variables = {"CATENA_PORT": str(free_port()), "CATENA_MONGO_URL": url or self.url, "PYTHONPATH": str(ROOT)}
        variables |= {"CATENA_TEST_LOG": str(self.log), "CATENA_DEAD_AFTER_S": str(self.dead_after_s)}
        variables["CATENA_TEST_JOBS"] = jobs or self.declared
        if skew or clock:
            variables |= wrong_clock(skew, clock)
        command = [sys.executable, "-m", "tests.integration.cron_worker", Path(__file__).parent / "cron_root"]
        process = Process(command, self.folder / f"worker-{number}.log", **variables)
        self.processes.append(process)
        return process

    def set(self, job: str, **config: Any) -> None:
        """Change the document of a job by hand."""
        self.jobs.update_one({"_id": job}, {"$set": {f"config.{name}": value for name, value in config.items()}})

    def events(self, name: str = "", **data: Any) -> list[Event]:
        """What was written so far."""
        found = [event for event in read_events(self.log) if not name or event.name == name]
        return [event for event in found if data.items() <= event.data.items()]

    def intervals(self, job: str) -> list[Interval]:
        """The runs of a job; one without an end ended with its process."""
        chosen = [event for event in self.events(job=job) if event.name in ("start", "end")]
        return read_intervals(chosen, deaths=deaths_of(self.processes), until_ns=time.monotonic_ns())

    def busy(self) -> Collection[int]:
        """Processes that run something now."""
        begun = {event.data["run"]: event.pid for event in self.events("start")}
        for event in self.events("end"):
            begun.pop(event.data["run"], None)
        return set(begun.values())

    def outcome(self, run: str) -> dict[str, Any]:
        """The history of a run, once it is there."""
        wait_until(lambda: self.runs.find_one({"_id": run}), 15)
        return self.runs.find_one({"_id": run}) or {}

    def wait_start(self, job: str, timeout_s: float = 60) -> Event:
        """The first start of a job."""
        wait_until(lambda: self.events("start", job=job), timeout_s)
        return self.events("start", job=job)[0]


@contextmanager
def cluster(url: str, name: str, jobs: str, dead_after_s: float = 6) -> Iterator[Cluster]:
    """A cluster without processes; all that it started end with the block."""
    folder = Path(tempfile.mkdtemp(prefix="catena-cron-"))
    made = Cluster(url, name, jobs, folder, dead_after_s)
    try:
        yield made
    finally:
        for process in made.processes:
            if process.is_running:
                process.kill()
        made.client.admin.command("killAllSessions", [])  # or the next line waits for what killed processes left open
        made.client.drop_database(name)
        made.client.close()
        shutil.rmtree(folder, ignore_errors=True)


def slots_of(runs: Sequence[Interval]) -> list[float]:
    """The slots of runs, in the order in which they started."""
    return [run.data["slot"] for run in sorted(runs, key=lambda run: run.start_ns)]
