"""One server and its jobs, in the process of the test, on a real MongoDB: documents, leases, fences, outcomes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from core.cron.lease import Lease
from core.cron.manager import Manager
from core.cron.store import CronJob, CronRun, Store
from core.errors import LeaseLost
from core.settings import CronSettings
from core.testing import TestApp, make_app
from tests.applications import own_imports, write_files
from tests.mongo import opened

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

@cron("jobs-holds", NEVER, max_total=2, grace_s=0.2)
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


async def test_a_job_runs_by_the_clock_and_leaves_a_record(jobs: Jobs) -> None:
    job = await eventually(lambda: [made for made in jobs.seen if made.identity == "jobs-tick"])
    history = await jobs.history("jobs-tick")
    assert (history["outcome"], history["error"]) == ("done", "")
    assert (job[0].slot.microsecond, job[0].forced, job[0].fence) == (0, False, 1)
    assert len(job[0].run_id) == 32


async def test_changes_of_a_document_are_adopted_or_reported(jobs: Jobs, caplog: pytest.LogCaptureFixture) -> None:
    await jobs.set("jobs-tick", **{"config.isSuspended": True})
    tracked = jobs.manager._jobs["jobs-tick"]
    await jobs.set("jobs-tick", **{"config.maxInstanceNumberTotal": 4.0, "config.misfire": {"all": 3}})
    await eventually(lambda: tracked.job.policy.max_total == 4)
    assert tracked.job.policy.misfire.max_runs == 3  # type: ignore[union-attr]
    for name, value in [
        ("maxInstanceNumberTotal", "many"),
        ("time", {"second": "61"}),
        ("time", "daily"),
        ("scope", "town"),
    ]:
        caplog.clear()
        await jobs.set("jobs-tick", **{f"config.{name}": value})
        await eventually(lambda: "is not used" in caplog.text)
        assert tracked.job.policy.max_total == 4
    await jobs.set(
        "jobs-tick",
        **{"config.allowedHosts": ["elsewhere"], "config.scope": "cluster", "config.time": tracked.raw["time"]},
    )


async def test_what_a_document_leaves_out_is_as_declared(jobs: Jobs) -> None:
    await jobs.db[CronJob].update_one(
        {"_id": "jobs-tick"}, {"$unset": {"config.scope": 1, "running": 1, "second": 1}}, validate=False
    )
    before = len(jobs.seen)
    await jobs.set("jobs-tick", **{"config.maxInstanceNumberTotal": None, "running": []})
    await eventually(lambda: len(jobs.seen) > before + 1)
    assert jobs.manager._jobs["jobs-tick"].job.policy.max_total == 1


async def test_a_document_that_somebody_deleted_is_made_again(jobs: Jobs) -> None:
    await jobs.document("jobs-holds")
    await jobs.db[CronJob].delete_one({"_id": "jobs-holds"})
    jobs.manager._look.set()
    assert (await jobs.document("jobs-holds")).config["maxInstanceNumberTotal"] == 2


async def test_a_changed_declaration_is_taken_over_unless_the_document_was_edited(
    tmp_path: Path, mongo_url: str, own_imports: None, caplog: pytest.LogCaptureFixture
) -> None:
    async with started(tmp_path, mongo_url) as jobs:
        for name in ("jobs-holds", "jobs-deaf", "jobs-writes"):
            document = await jobs.document(name)
            old = {**document.config, "maxInstanceNumberTotal": 7}
            declared = {key: value for key, value in old.items() if key not in ("isSuspended", "forceRun", "stopJob")}
            await jobs.set(name, config=old, declared=declared)
        await jobs.set("jobs-deaf", **{"config.maxInstanceNumberPerServer": 9})
        second = Manager(jobs.app.app.context, lambda: False)
        second._lease.place = "elsewhere:1"
        second.start()
        await eventually(lambda: "jobs-deaf" in caplog.text)
        assert "its new declaration yields to the edited document" in caplog.text

        async def is_adopted() -> bool:
            return (await jobs.document("jobs-holds")).config["maxInstanceNumberTotal"] == 2

        await eventually(is_adopted)
        assert (await jobs.document("jobs-deaf")).config["maxInstanceNumberTotal"] == 7
        await second.stop()


async def test_a_lease_that_was_taken_away_ends_the_runs(jobs: Jobs) -> None:
    held = await jobs.force("jobs-holds")
    before = jobs.manager._lease.server
    raw = jobs.app.db.raw()["cronServers"]
    await raw.update_one({"_id": before}, {"$set": {"status": "dead"}})
    await eventually(lambda: held.stop_requested)
    assert (await jobs.history("jobs-holds"))["outcome"] == "lost"
    await eventually(lambda: jobs.manager._lease.is_held and jobs.manager._lease.server != before)
    assert await raw.count_documents({"_id": jobs.manager._lease.server, "status": "active"}) == 1


async def test_an_entry_that_was_taken_away_ends_the_run(jobs: Jobs) -> None:
    held = await jobs.force("jobs-holds")
    await jobs.set("jobs-holds", running=[])
    await eventually(lambda: held.stop_requested)
    assert (await jobs.history("jobs-holds"))["outcome"] == "lost"


@pytest.mark.parametrize("known", [True, False], ids=["silent", "unknown"])
async def test_what_a_dead_server_holds_is_freed(jobs: Jobs, known: bool) -> None:
    started = await jobs.document("jobs-holds")
    now = jobs.manager._lease.now()
    entry = {"id": "r1", "server": "gone", "place": "gone:1", "slot": now, "at": now, "fence": 9}
    if known:
        await jobs.app.db.raw()["cronServers"].insert_one({"_id": "gone", "status": "active", "beat": 3})
    await jobs.set("jobs-holds", running=[*started.running, entry])
    history = await jobs.history("jobs-holds")
    assert (history["_id"], history["outcome"], history["fence"]) == ("r1", "lost", 9)
    assert (await jobs.document("jobs-holds")).running == []


async def test_a_claim_whose_answer_was_lost_is_given_back(jobs: Jobs) -> None:
    now = jobs.manager._lease.now()
    me = jobs.manager._lease.server
    entry = {"id": "r2", "server": me, "place": "x", "slot": now, "at": now, "fence": 9}
    await jobs.set("jobs-holds", running=[entry])
    assert (await jobs.history("jobs-holds"))["_id"] == "r2"


async def test_CRON_16_a_job_that_does_not_listen_is_cancelled_until_it_does(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("core.cron.worker"), "_CANCEL_AGAIN_S", 0.1)
    await jobs.force("jobs-deaf")
    history = await jobs.history("jobs-deaf")
    assert history["outcome"] == "timeout"
    assert 190 <= history["duration_ms"] < 2000


async def test_CRON_16_a_job_may_stop_itself(jobs: Jobs) -> None:
    await jobs.set("jobs-gives-up", **{"config.forceRun": True})
    history = await jobs.history("jobs-gives-up")
    assert (history["outcome"], history["error"]) == ("stopped", "JobStopped: enough")


async def test_CRON_9_a_fenced_write_is_refused_once_the_entry_is_gone(jobs: Jobs) -> None:
    job = await jobs.force("jobs-writes")
    marks = jobs.app.db.raw()["jobs-mark"]
    await eventually(lambda: marks.count_documents({"text": "1"}))
    assert await jobs.app.db.raw("other")["jobs-far"].count_documents({}) == 1
    run = jobs.manager._runs[job.run_id]
    await jobs.app.db.raw()["cronJobs"].update_one({"_id": "jobs-writes"}, {"$set": {"running": []}})
    from projects.jobs.models.mark import Far, Mark

    for write in (
        lambda: job.db[Mark].insert({"text": "late"}),
        lambda: job.db[Mark].delete_many({}),
        lambda: job.db[Far].insert({"text": "late"}),
    ):
        run._reason = ""
        with pytest.raises(LeaseLost):
            await write()
    assert await job.db[Mark].count() == 2
    run.cancel("lost")
    assert (await jobs.history("jobs-writes"))["outcome"] == "lost"
    assert await marks.count_documents({}) == 2


async def test_a_suspended_server_starts_nothing(jobs: Jobs) -> None:
    servers = jobs.app.db.raw()["cronServers"]
    await servers.update_one({"_id": jobs.manager._lease.server}, {"$set": {"isSuspended": True}})
    jobs.manager._look.set()
    await eventually(lambda: jobs.manager._is_suspended)
    count = len(jobs.seen)
    await jobs.set("jobs-holds", **{"config.forceRun": True})
    await asyncio.sleep(1.5)
    assert len(jobs.seen) == count


async def test_missed_slots_wait_for_their_turn(jobs: Jobs) -> None:
    await eventually(lambda: len(jobs.seen) > 1)
    await jobs.set("jobs-tick", **{"config.isSuspended": True, "config.misfire": {"all": 3}})
    await eventually(lambda: jobs.manager._jobs["jobs-tick"].timer is None)
    await eventually(lambda: not jobs.manager._runs)
    last = (await jobs.document("jobs-tick")).slots["cluster"]["last"]
    count = len(jobs.seen)
    await asyncio.sleep(3.5)
    await jobs.set("jobs-tick", **{"config.isSuspended": False})
    await eventually(lambda: len(jobs.seen) >= count + 4)
    slots = [job.slot for job in jobs.seen[count:]]
    assert slots == sorted(slots)
    assert slots[0] > last
    assert slots[2] - slots[0] == timedelta(seconds=2)


async def test_only_one_of_many_gets_a_slot(mongo_url: str, database_name: str, jobs: Jobs) -> None:
    """CRON-2, at its root: the same slot, claimed by 32 at once."""
    linked = jobs.manager._jobs["jobs-holds"].declared
    document = await eventually(lambda: _ready(jobs))
    slot = jobs.manager._lease.now().replace(microsecond=0)
    assert document.slots["cluster"]["last"] < slot + timedelta(seconds=1)
    await jobs.set("jobs-holds", **{"slots.cluster.last": slot - timedelta(seconds=1)})
    leases = [Lease(jobs.app.db, port, 3, lambda: None) for port in range(32)]
    stores = [Store(jobs.app.db, lease) for lease in leases]
    claims = [store.claim(linked, f"run{number}", "cluster", slot, missed=False) for number, store in enumerate(stores)]
    outcomes = [outcome for outcome, _ in await asyncio.gather(*claims)]
    assert sorted(outcomes) == [*["lost"] * 31, "started"]
    future = slot + timedelta(seconds=30)
    assert (await stores[0].claim(linked, "x", "cluster", future, missed=False))[0] == "lost"
    jobs.manager._lease.lose()


async def _ready(jobs: Jobs) -> Any:
    document = await jobs.document("jobs-holds")
    return document if "cluster" in document.slots else None


async def test_other_hosts_are_left_alone(tmp_path: Path, mongo_url: str, own_imports: None) -> None:
    async with started(tmp_path, mongo_url, cron=CronSettings(allowed_hosts=["elsewhere"])) as jobs:
        assert jobs.manager._loops == []


async def test_jobs_do_not_run_by_the_clock_in_memory(
    tmp_path: Path, own_imports: None, caplog: pytest.LogCaptureFixture
) -> None:
    async with started(tmp_path, "memory") as jobs:
        await eventually(lambda: "crons run by hand only" in caplog.text)
        await jobs.app.run_cron("jobs-tick")
        assert [job.forced for job in jobs.seen] == [True]


async def test_a_database_that_is_down_is_waited_for(tmp_path: Path, own_imports: None, mongo_url: str) -> None:
    async with opened("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100", "none") as db:
        changes: list[bool] = []
        lease = Lease(db, 1, 1, lambda: changes.append(lease.is_held))
        task = asyncio.ensure_future(lease.keep())
        await asyncio.sleep(1.2)
        assert not lease.is_held
        await lease.leave()
        task.cancel()
        assert changes == []
