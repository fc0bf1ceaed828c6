"""Tidies up behind those who finish things."""

from __future__ import annotations

from core import Job, Schedule, cron
from projects.demo.libs.todos import remove_done
from projects.demo.models.todo import Todo


@cron("demo-removeDoneTodos", Schedule(second="*/10"), misfire="skip", max_runtime_s=60)
async def remove_done_todos(job: Job) -> None:
    """Every ten seconds, once in the cluster: done todos go when nobody touched them for five minutes."""
    removed = await remove_done(job.db[Todo], job.now())
    if removed:
        job.log.info("removed %d done todos", removed)
