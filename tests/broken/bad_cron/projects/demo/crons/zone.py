from core import Job, Schedule, cron


@cron("demo-zone", Schedule(hour=3, timezone="Europe/Berln"))
async def zone(job: Job) -> None: ...
