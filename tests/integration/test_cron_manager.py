"""Jobs of one server on a real MongoDB: documents that people edit, slots, outcomes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from core.cron.manager import Manager
from core.cron.store import CronJob
from tests.integration.cron_app import Jobs, eventually, jobs, own_imports, started

__all__ = ["jobs", "own_imports"]


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
    time = tracked.document["config"]["time"]
    await jobs.set(
        "jobs-tick", **{"config.allowedHosts": ["elsewhere"], "config.scope": "cluster", "config.time": time}
    )


@pytest.mark.parametrize(
    "edit",
    [{"config": "daily"}, {"slots": {"cluster": None}}, {"running": None}, {"config.time": {"everySeconds": 1e30}}],
    ids=str,
)
async def test_a_document_of_any_shape_is_reported_and_stops_nobody(
    jobs: Jobs, edit: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    await jobs.document("jobs-fails")
    whole = await jobs.db[CronJob].raw.find_one({"_id": "jobs-fails"})
    assert whole is not None
    await jobs.set("jobs-fails", **edit)
    await eventually(lambda: any(record.levelname == "ERROR" for record in caplog.records))
    await jobs.db[CronJob].raw.replace_one({"_id": "jobs-fails"}, whole)
    assert (await jobs.force("jobs-holds")).identity == "jobs-holds"


async def test_only_documents_that_changed_are_decoded_again(jobs: Jobs) -> None:
    store = jobs.manager._store
    await jobs.document("jobs-holds")
    before, _ = await store.read()
    await jobs.db[CronJob].update_one({"_id": "jobs-fails"}, {"$set": {"config.maxRuntimeS": 7}}, validate=False)
    after, _ = await store.read()
    assert after["jobs-holds"] is before["jobs-holds"]
    assert after["jobs-fails"]["config"] == {**before["jobs-fails"]["config"], "maxRuntimeS": 7}


async def test_CRON_17_a_slot_that_others_took_is_not_asked_for(jobs: Jobs) -> None:
    tracked = jobs.manager._jobs["jobs-holds"]
    await eventually(lambda: tracked.taken)
    slot = jobs.manager._lease.now()
    for taken, outcome in ((slot, "lost"), (slot - timedelta(seconds=1), "started")):
        tracked.taken = taken
        assert await jobs.manager._claim(tracked, slot) == outcome


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


async def test_CRON_16_a_job_that_does_not_listen_is_cancelled_until_it_does(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("core.cron.worker"), "_CANCEL_AGAIN_S", 0.1)
    await jobs.force("jobs-deaf")
    history = await jobs.history("jobs-deaf")
    assert history["outcome"] == "timeout"
    assert 190 <= history["duration_ms"] < 2000


async def test_a_failed_run_is_tried_again(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("core.cron.worker"), "_LONGEST_WAIT_S", 0.01)
    await jobs.force("jobs-fails")
    assert (await jobs.history("jobs-fails"))["outcome"] == "done"
    assert len([job for job in jobs.seen if job.identity == "jobs-fails"]) == 3


async def test_CRON_15_stop_reaches_the_runs_of_now_and_none_later(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("core.cron.manager"), "_KILL_AFTER_S", 0.1)
    await jobs.force("jobs-holds")
    await jobs.force("jobs-holds")
    await jobs.set("jobs-holds", **{"config.stopJob": True})
    assert (await jobs.history("jobs-holds"))["outcome"] == "stopped"
    await eventually(lambda: not jobs.manager._runs)
    later = await jobs.force("jobs-holds")
    jobs.manager._look.set()
    await asyncio.sleep(0.3)
    assert not later.stop_requested


async def test_a_slot_is_left_out_while_the_cap_is_reached(jobs: Jobs) -> None:
    for _ in range(2):
        await jobs.force("jobs-holds")
    await jobs.set("jobs-holds", **{"config.time": {"everySeconds": 1, "timezone": "UTC"}, "config.forceRun": True})

    async def are_skipped() -> bool:
        stats: Any = (await jobs.app.db.raw()["cronJobs"].find_one({"_id": "jobs-holds"}) or {})["stats"]
        return bool(stats.get("timesSkipped", 0) >= 2)

    await eventually(are_skipped)
    document = await jobs.document("jobs-holds")
    assert (len(document.running), document.config["forceRun"]) == (2, True)


async def test_CRON_16_a_job_may_stop_itself(jobs: Jobs) -> None:
    await jobs.set("jobs-gives-up", **{"config.forceRun": True})
    history = await jobs.history("jobs-gives-up")
    assert (history["outcome"], history["error"]) == ("stopped", "JobStopped: enough")


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
