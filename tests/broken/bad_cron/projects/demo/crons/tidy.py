from core import Job, Schedule, cron


@cron("demo-tidy", Schedule(second="*/10"))
def tidy(job: Job) -> None: ...


@cron("demo-more", Schedule(every_s=5), max_runtime_s=0)
async def more(job: Job) -> None: ...


@cron("demo-extra", Schedule(every_s=5))
async def extra(job: Job, *, device: str) -> None: ...


@cron("demo-elsewhere", Schedule(every_s=5), environment="production")
def elsewhere() -> None: ...
