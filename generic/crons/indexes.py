"""Makes the indexes that models declare, at night. Source: mia.js 5.10; decision 0034."""

from __future__ import annotations

from core import Job, Schedule, cron
from generic.config.settings import IndexSettings


@cron("generic-ensureIndexes", Schedule(hour=3, timezone="CET"), misfire="skip", max_runtime_s=3600)
async def ensure_indexes(job: Job) -> None:
    """At three in the morning where `auto_start` is set, or whenever it is forced: indexes that are missing are made.

    With `prune` those that no model declares are dropped first. What stands in the way is logged as an error.
    """
    settings = job.settings[IndexSettings]
    if not settings.auto_start and not job.forced:
        return
    for model in job.app.linked.models:
        if job.stop_requested:
            return
        changes = await job.app.db.background[model].ensure_indexes(prune=settings.prune)
        for line in changes.lines():
            say = job.log.error if line in changes.conflicts else job.log.info
            say("%s: %s", model.identity, line)
