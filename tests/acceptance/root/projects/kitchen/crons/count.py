"""A job that counts dishes."""

from core import Job, Schedule, cron
from projects.kitchen.models.dish import Dish

COUNTS: list[int] = []


@cron("kitchen-count", Schedule(every_s=60))
async def count(job: Job) -> None:
    COUNTS.append(await job.db[Dish].count({}))


@cron("kitchen-fail", Schedule(hour=3))
async def fail(job: Job) -> None:
    raise RuntimeError("spoiled")
