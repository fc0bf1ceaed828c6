"""One server and its jobs, in the process of the test: an application of a few jobs, and what a test does to it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from core.cron.manager import Manager
from core.cron.store import CronJob, CronRun
from core.settings import CronSettings
from core.testing import TestApp, make_app
from tests.applications import own_imports, write_files

__all__ = ["own_imports"]

MODEL = """
from core import Model

class Mark(Model, identity="jobs-mark"):
    text: str

class Far(Model, identity="jobs-far", database="other"):
    text: str
"""
CRONS = """
import asyncio
from core import Job, JobStopped, LeaseLost, Schedule, cron
from projects.jobs.models.mark import Far, Mark

NEVER = Schedule(day_of_month=29, month=2)
SEEN = []

@cron("jobs-tick", Schedule(every_s=1), max_runtime_s=30)
async def tick(job: Job) -> None:
    SEEN.append(job)

@cron("jobs-holds", NEVER, max_total=2, max_per_server=2, grace_s=0.2)
async def holds(job: Job) -> None:
    SEEN.append(job)
    await asyncio.sleep(600)

@cron("jobs-deaf", NEVER, max_runtime_s=0.2)
async def deaf(job: Job) -> None:
    SEEN.append(job)
    for _ in range(2):
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            pass

@cron("jobs-fails", NEVER, retry=2)
async def fails(job: Job) -> None:
    SEEN.append(job)
    if len([seen for seen in SEEN if seen is job]) < 3:
        raise ValueError("not yet")

@cron("jobs-gives-up", NEVER)
async def gives_up(job: Job) -> None:
    raise JobStopped("enough")

@cron("jobs-writes", NEVER)
async def writes(job: Job) -> None:
    SEEN.append(job)
    await job.db[Mark].insert({"text": "one"})
    async with job.db.transaction():
        await job.db[Mark].insert({"text": "two"})
        await job.db[Mark].update_one({"text": "one"}, {"$set": {"text": "1"}})
    await job.db[Far].insert({"text": "far"})
    while not job.stop_requested:
        await asyncio.sleep(0.01)
    assert await job.db[Mark].count() == 2
    await job.db[Mark].delete_many({})
"""


async def eventually(condition: Callable[[], Any], timeout_s: float = 15) -> Any:
    """The first true answer of a function or coroutine function."""
    deadline = time.monotonic() + timeout_s
    while True:
        answer = condition()
        answer = await answer if asyncio.iscoroutine(answer) else answer
        if answer:
            return answer
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.02)


class Jobs:
    """A running application, its manager, and the documents of its jobs."""

    def __init__(self, app: TestApp) -> None:
        self.app, self.db = app, app.db.background
        self.manager: Manager = app.app._startup._crons

    @property
    def seen(self) -> list[Any]:
        import projects.jobs.crons.jobs as module  # type: ignore[import-not-found]

        return module.SEEN  # type: ignore[no-any-return]

    async def document(self, job: str) -> CronJob:
        return await eventually(lambda: self.db[CronJob].get(job))  # type: ignore[no-any-return]

    async def set(self, job: str, **values: Any) -> None:
        await self.document(job)
        await self.db[CronJob].update_one({"_id": job}, {"$set": values}, validate=False)
        self.manager._look.set()

    async def force(self, job: str) -> Any:
        """Start a job; returns what its function got."""
        before = len(self.seen)
        await self.set(job, **{"config.forceRun": True})
        await eventually(lambda: [made for made in self.seen[before:] if made.identity == job])
        return next(made for made in self.seen[before:] if made.identity == job)

    async def until_free(self, job: str) -> None:
        """Wait until nothing runs, by the document of a job."""
        await eventually(lambda: self.db[CronJob].exists({"_id": job, "running": []}))

    async def history(self, job: str) -> Any:
        found = await eventually(lambda: self.db[CronRun].find({"job": job}, sort="-ended", projection={"expire": 0}))
        return found[0]


@asynccontextmanager
async def started(root: Path, mongo: str, **settings: Any) -> AsyncIterator[Jobs]:
    """The application of the files above; without the job that ticks, unless it is asked for."""
    files = {"projects/jobs/crons/jobs.py": CRONS, "projects/jobs/models/mark.py": MODEL}
    write_files(root, files)
    settings = {"cron": CronSettings(dead_after_s=3), **settings}
    config = 'from core import Mongo, ServerSettings\nsettings = ServerSettings(databases={"main": Mongo(), "other": Mongo()})\n'
    write_files(root, {"config/test.py": config})
    async with make_app(root / "projects" / "jobs", mongo=mongo, **settings) as app:
        yield Jobs(app)


@pytest.fixture
async def jobs(tmp_path: Path, mongo_url: str, own_imports: None) -> AsyncIterator[Jobs]:
    async with started(tmp_path, mongo_url) as made:
        await eventually(lambda: made.manager._lease.is_held)
        yield made
