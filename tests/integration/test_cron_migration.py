"""Jobs that mia.js left in the database, in its shapes, taken over by a command, and then run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.settings import CronSettings
from tests.integration.cron_app import Jobs, eventually, own_imports, started

__all__ = ["own_imports"]

TIME = {
    "hour": "*",
    "minute": "*",
    "second": "*/2",
    "dayOfMonth": "*",
    "dayOfWeek": "*",
    "month": "*",
    "timezone": "CET",
}


def mia_job(name: str, time: dict[str, str] | None = None, **config: Any) -> dict[str, Any]:
    """A document of `cronJobExecution`."""
    limits = {"isSuspended": False, "debugOutput": False, "maxInstanceNumberTotal": 1, "maxInstanceNumberPerServer": 1}
    flags = {"allowedHosts": [], "environment": [], "forceRun": False, "stopJob": False}
    return {
        "typeName": name,
        "createdAt": 1_700_000_000,
        "config": {**limits, **flags, "time": {**TIME, **(time or {})}, **config},
        "runningJobsByServer": [{"serverId": "s1", "jobs": []}],
        "stats": {"timesStarted": 4, "timesFinished": 4, "totalExecutionTime": 90},
    }


MIA = [
    mia_job("jobs-tick", {"month": "0-5"}, maxInstanceNumberTotal=3.0, forceRun=True),
    mia_job("jobs-holds", {"second": "0", "dayOfMonth": "1", "dayOfWeek": "1"}, isSuspended=True),
    mia_job("jobs-deaf"),
    mia_job("jobs-elsewhere"),
    mia_job("generic-cronJobManagerJob"),
]
ANSWER = """\
generic-cronJobManagerJob: left
  servers need no manager job
jobs-deaf: left
  its document in cronJobs was edited by hand
jobs-elsewhere: left
  no cron of this name is declared here
jobs-holds: taken over
  its time is not taken over: dayOfMonth 1 and dayOfWeek 1 both had to match, and here either one is enough
jobs-tick: taken over
  forceRun is not taken over: it was meant for a moment
server web1: mia.js runs there; stop it before crons run here, or jobs run twice
server web2: its suspension is not taken over; allowed_hosts in the settings leaves it out
2 taken over, 0 as before, 3 left
"""


async def test_documents_of_mia_are_taken_over(
    tmp_path: Path, mongo_url: str, own_imports: None, capsys: pytest.CaptureFixture[str]
) -> None:
    from generic.commands.migrate import migrate_crons

    async with started(tmp_path, mongo_url, cron=CronSettings(allowed_hosts=["nowhere"])) as jobs:
        db, at = jobs.app.db.raw(), datetime.now(UTC)
        server = {"status": "active", "startedAt": at, "restartCount": 0}
        await db["cronJobExecution"].insert_many([dict(job) for job in MIA])
        await db["cronServerHeartbeat"].insert_many([
            {"hostName": "web1", "isSuspended": False, "lastStatusUpdateAt": at, **server},
            {"hostName": "web2", "isSuspended": True, "lastStatusUpdateAt": at - timedelta(hours=1), **server},
        ])  # fmt: skip
        edited = {"config": {"isSuspended": True, "maxInstanceNumberTotal": 7}, "declared": {}}
        await db["cronJobs"].insert_one({"_id": "jobs-deaf", **edited})
        before = await _mia(jobs)

        await migrate_crons(jobs.app.app.context)
        assert capsys.readouterr().out == ANSWER
        await db["cronJobs"].update_one({"_id": "jobs-tick"}, {"$set": {"config.time.second": "*/3"}})
        await migrate_crons(jobs.app.app.context)
        again = capsys.readouterr().out
        assert "jobs-tick: left\n  its document in cronJobs was edited by hand\n" in again
        assert again.endswith("0 taken over, 1 as before, 4 left\n")
        assert await _mia(jobs) == before
        assert (await jobs.document("jobs-deaf")).config == edited["config"]


async def test_a_job_that_was_taken_over_runs_as_it_did(
    tmp_path: Path, mongo_url: str, own_imports: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """The part of a document that the command writes before there are servers is completed by the first of them."""
    from generic.commands.migrate import migrate_crons

    async with started(tmp_path, mongo_url, cron=CronSettings(allowed_hosts=["nowhere"])) as jobs:
        job = mia_job("jobs-tick", {"month": "0-11"}, maxInstanceNumberTotal=0)
        await jobs.app.db.raw()["cronJobExecution"].insert_one(job)
        await migrate_crons(jobs.app.app.context)
        assert capsys.readouterr().out == "jobs-tick: taken over\n1 taken over, 0 as before, 0 left\n"
        jobs.manager._lease.host = "nowhere"
        jobs.manager.start()
        first = await eventually(lambda: jobs.seen)
        assert first[0].slot.second % 2 == 0
        assert first[0].fence == 1
        config = (await jobs.document("jobs-tick")).config
        assert (config["scope"], config["maxInstanceNumberTotal"], config["time"]["month"]) == ("server", 0, "*")
        assert config["maxRuntimeS"] == 30  # what mia does not know is as declared
        await migrate_crons(jobs.app.app.context)
        assert "1 as before" in capsys.readouterr().out


async def _mia(jobs: Jobs) -> list[Any]:
    names = ("cronJobExecution", "cronServerHeartbeat")
    return [await jobs.app.db.raw()[name].find().sort("_id").to_list() for name in names]
