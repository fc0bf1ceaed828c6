"""Tidies up behind devices: those that nobody uses, and sessions that are over. Source: mia.js 5.10."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any, Final

from core import Job, Schedule, cron
from generic.controllers.session import SESSION_S
from generic.libs.instants import in_milliseconds
from generic.models.device import Device

_AT_ONCE: Final = 1000


@cron("generic-removeDevices", Schedule(hour="*/2", timezone="CET"), misfire="skip", max_runtime_s=600)
async def remove_devices(job: Job) -> None:
    """Every second hour: devices that never signed anything go after an hour, all others after a year unused."""
    for status, age in (("inactive", timedelta(hours=1)), ("", timedelta(days=365))):
        before = job.now() - age
        # Numbers compare with numbers and times with times; mia.js stored both.
        old = {"$or": [{"lastModified": {"$lte": before}}, {"lastModified": {"$lte": in_milliseconds(before)}}]}
        slices = _slice(job, {**old, **({"status": status} if status else {})})
        removed = sum([await job.db[Device].delete_many(part) async for part in slices])
        if removed:
            job.log.info("removed %d devices%s", removed, " that were never used" if status else "")


@cron("generic-removeSessions", Schedule(minute="*", timezone="CET"), misfire="skip", max_runtime_s=50)
async def remove_sessions(job: Job) -> None:
    """Every minute: sessions that are over."""
    before = job.now() - timedelta(seconds=SESSION_S)
    old = {"$or": [{"session.created": {"$lte": before}}, {"session.created": {"$lte": in_milliseconds(before)}}]}
    gone = {"$unset": {"session.created": "", "session.cidr": "", "session.id": ""}}
    async for part in _slice(job, {**old, "session.expireable": {"$ne": False}}):
        await job.db[Device].update_many(part, gone)


async def _slice(job: Job, query: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """The query, restricted to a few devices at a time until it finds none any more.

    After a flood, or when mia's sessions are taken over, one statement for all runs out of time, and is undone.
    """
    devices = job.db[Device]
    while not job.stop_requested and (found := await devices.find(query, projection={"_id": 1}, limit=_AT_ONCE)):
        yield {**query, "_id": {"$in": [device["_id"] for device in found]}}
