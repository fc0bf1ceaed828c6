"""Who may run a job on a real MongoDB: leases, fences, dead servers, servers that stop."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.cron.lease import Lease
from core.cron.store import Store
from core.data.bulk import InsertOne
from core.data.databases import Databases
from core.errors import LeaseLost, NotConnected
from core.settings import CronSettings, Mongo
from tests.integration.cron_app import Jobs, eventually, jobs, own_imports, started
from tests.mongo import opened

__all__ = ["jobs", "own_imports"]


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


async def _leave_behind(jobs: Jobs) -> None:
    """An entry of the server `gone`."""
    started, now = await jobs.document("jobs-holds"), jobs.manager._lease.now()
    entry = {"id": "r1", "server": "gone", "place": "gone:1", "slot": now, "at": now, "fence": 9}
    await jobs.set("jobs-holds", running=[*started.running, entry])


@pytest.mark.parametrize("known", [True, False], ids=["silent", "unknown"])
async def test_what_a_dead_server_holds_is_freed(jobs: Jobs, known: bool) -> None:
    if known:
        await jobs.app.db.raw()["cronServers"].insert_one({"_id": "gone", "status": "active", "beat": 3})
    await _leave_behind(jobs)
    history = await jobs.history("jobs-holds")
    assert (history["_id"], history["outcome"], history["fence"]) == ("r1", "lost", 9)
    await jobs.until_free("jobs-holds")


async def test_CRON_4_what_a_server_held_is_freed_though_its_reaper_died_in_between(jobs: Jobs) -> None:
    """Nobody waits for another time of silence."""
    await jobs.app.db.raw()["cronServers"].insert_one({"_id": "gone", "status": "dead", "beat": 3})
    at_s = time.monotonic()
    await _leave_behind(jobs)
    assert (await jobs.history("jobs-holds"))["outcome"] == "lost"
    await jobs.until_free("jobs-holds")
    assert time.monotonic() - at_s < jobs.manager._dead_after_s


async def test_CRON_16_a_run_is_recorded_before_it_is_freed(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is killed in between, the record is there, and the next one frees it."""

    async def killed(*_: object) -> None:
        raise NotConnected("as if this process had ended here")

    monkeypatch.setattr(jobs.manager._store, "_take_out", killed)
    await _leave_behind(jobs)
    assert (await jobs.history("jobs-holds"))["outcome"] == "lost"
    assert [kept["id"] for kept in (await jobs.document("jobs-holds")).running] == ["r1"]
    monkeypatch.undo()
    await jobs.until_free("jobs-holds")


async def test_a_claim_whose_answer_was_lost_is_given_back(jobs: Jobs) -> None:
    now = jobs.manager._lease.now()
    me = jobs.manager._lease.server
    entry = {"id": "r2", "server": me, "place": "x", "slot": now, "at": now, "fence": 9}
    await jobs.set("jobs-holds", running=[entry])
    assert (await jobs.history("jobs-holds"))["_id"] == "r2"


async def test_CRON_9_a_late_release_takes_nothing_from_the_next_run(jobs: Jobs) -> None:
    """A run that was freed for its server ends after all, while that server holds the job again."""
    store, now = jobs.manager._store, jobs.manager._lease.now()
    late = {"id": "r1", "server": "other", "place": "other:1", "slot": now, "at": now, "fence": 8}
    await jobs.app.db.raw()["cronServers"].insert_one({"_id": "other", "status": "active", "beat": 3})
    await jobs.set("jobs-holds", running=[{**late, "id": "r2", "fence": 9}])
    await store.release("jobs-holds", late, "done", "")
    kept = await jobs.app.db.raw()["cronJobs"].find_one({"_id": "jobs-holds"})
    assert [entry["id"] for entry in kept["running"]] == ["r2"]
    assert kept["stats"].get("timesFinished", 0) == 0, "it was counted when it was freed"


async def test_CRON_19_a_server_that_stops_ends_its_runs_and_leaves(jobs: Jobs) -> None:
    await jobs.force("jobs-holds")
    await jobs.manager.stop()
    assert (await jobs.history("jobs-holds"))["outcome"] == "cancelled"
    assert (await jobs.document("jobs-holds")).running == []
    assert await jobs.app.db.raw()["cronServers"].count_documents({"status": "active"}) == 0


async def test_CRON_19_a_draining_server_asks_its_jobs_at_once(jobs: Jobs) -> None:
    held = await jobs.force("jobs-holds")
    jobs.app.app.draining = True
    jobs.manager._look.set()
    await eventually(lambda: held.stop_requested)
    count = len(jobs.seen)
    await jobs.set("jobs-holds", **{"config.forceRun": True})
    await asyncio.sleep(0.5)
    assert len(jobs.seen) == count


async def test_CRON_9_a_fenced_write_is_refused_once_the_entry_is_gone(jobs: Jobs) -> None:
    job = await jobs.force("jobs-writes")
    marks = jobs.app.db.raw()["jobs-mark"]
    await eventually(lambda: marks.count_documents({"text": "1"}))
    await eventually(lambda: jobs.app.db.raw("other")["jobs-far"].count_documents({}))
    run = jobs.manager._runs[job.run_id]
    await jobs.app.db.raw()["cronJobs"].update_one({"_id": "jobs-writes"}, {"$set": {"running": []}})
    from projects.jobs.models.mark import Far, Mark

    for write in (
        lambda: job.db[Mark].insert({"text": "late"}),
        lambda: job.db[Mark].delete_many({}),
        lambda: job.db[Mark].insert_many([{"text": "late"}, {"text": "later"}]),
        lambda: job.db[Mark].bulk_write([InsertOne({"text": "late"})]),
        lambda: job.db[Mark].find_one_and_update({}, {"$set": {"text": "late"}}),
        lambda: job.db[Far].insert({"text": "late"}),
        lambda: job.db[Far].insert_many([{"text": "late"}]),
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


async def test_only_one_of_many_gets_a_slot(mongo_url: str, database_name: str, jobs: Jobs) -> None:
    """CRON-2, at its root: the same slot, claimed by 32 at once."""
    linked = jobs.manager._jobs["jobs-holds"].declared
    document = await eventually(lambda: _ready(jobs))
    slot = jobs.manager._lease.now().replace(microsecond=0)
    assert document.slots["cluster"]["last"] < slot + timedelta(seconds=1)
    await jobs.set("jobs-holds", **{"slots.cluster.last": slot - timedelta(seconds=1)})
    async with opened(mongo_url, jobs.app.db.raw().name, pool_wait_s=30) as db:  # however busy the machine is
        stores = [Store(db, Lease(db, port, 3, lambda: None)) for port in range(32)]
        claims = [store.claim(linked, f"run{at}", "cluster", slot, missed=False) for at, store in enumerate(stores)]
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


async def test_a_database_that_is_down_is_waited_for(own_imports: None) -> None:
    db = Databases({"main": Mongo("mongodb://127.0.0.1:1/", name="none")})
    await db.open()
    lease = Lease(db, 1, 1, lambda: pytest.fail("nobody confirmed it"))
    task = asyncio.ensure_future(lease.keep())
    await asyncio.sleep(1.2)
    assert not lease.is_held
    assert not task.done()
    task.cancel()
    await db.close(0.1)
