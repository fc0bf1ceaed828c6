"""What mia.js left in the database, taken over: `python server.py <mode> migrate crons`. Nothing of it is deleted.

Source: mia.js 6.3; decision 0033.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from core import AppContext, command
from generic.libs.mia_crons import convert_config

_FLAGS = ("isSuspended", "forceRun", "stopJob")
_MANAGER = "generic-cronJobManagerJob"
_ALIVE = timedelta(minutes=3)  # mia's servers say every minute that they live


@command("migrate crons")
async def migrate_crons(app: AppContext, *, database: str = "") -> None:
    """Takes over timing, limits and suspension of jobs from mia's cronJobExecution; says what, and what not and why.

    May be repeated: what was edited in cronJobs since stays. `--database` names the one that mia's collections are in.
    """
    mia, jobs = app.db.raw(database), app.db.raw()["cronJobs"]
    declared = {job.identity for job in app.linked.jobs}
    counts = {"taken over": 0, "as before": 0, "left": 0}
    async for document in mia["cronJobExecution"].find().sort("typeName", 1):
        name = str(document.get("typeName"))
        if name not in declared:
            why = "servers need no manager job" if name == _MANAGER else "no cron of this name is declared here"
            outcome, notes = "left", [why]
        else:
            wanted, notes = convert_config(document)
            outcome = await _take(jobs, name, wanted)
            if outcome == "left":
                notes = ["its document in cronJobs was edited by hand"]
        counts[outcome] += 1
        _say(f"{name}: {outcome}")
        for note in notes:
            _say(f"  {note}")
    async for server in mia["cronServerHeartbeat"].find({"status": "active"}).sort("hostName", 1):
        for line in _tell_server(app, server):
            _say(line)
    _say(", ".join(f"{number} {outcome}" for outcome, number in counts.items()))


async def _take(jobs: Any, name: str, wanted: Mapping[str, Any]) -> str:
    """Write into the document of a job, which is made if need be; the servers fill in the rest."""
    found = await jobs.find_one({"_id": name}) or {}
    config = found.get("config", {})
    if all(key in config and config[key] == value for key, value in wanted.items()):
        return "as before"
    edited = {key: value for key, value in config.items() if key not in _FLAGS}
    if edited != found.get("declared", {}):
        return "left"
    change = {"$set": {f"config.{key}": value for key, value in wanted.items()}}
    unchanged = {"_id": name, "config": config} if config else {"_id": name}
    done = await jobs.update_one(unchanged, change, upsert=not config)
    return "taken over" if done.matched_count or done.upserted_id else "left"


def _tell_server(app: AppContext, server: Mapping[str, Any]) -> list[str]:
    """What to know about a server of mia's."""
    host, seen = server.get("hostName"), server.get("lastStatusUpdateAt")
    lines = []
    if isinstance(seen, datetime) and app.now() - seen < _ALIVE:
        lines.append(f"server {host}: mia.js runs there; stop it before crons run here, or jobs run twice")
    if server.get("isSuspended"):
        lines.append(f"server {host}: its suspension is not taken over; allowed_hosts in the settings leaves it out")
    return lines


def _say(line: str) -> None:
    print(line)  # noqa: T201  a command's answer
