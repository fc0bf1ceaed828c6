"""The configuration of the test application."""

from core import LOCAL, CronSettings, Docs, Log, Mongo, ServerSettings, env

settings = ServerSettings(
    databases={"main": Mongo(url=env("CATENA_MONGO_URL", default=LOCAL))},
    cron=CronSettings(enabled=False),
    docs=Docs(title="Kitchen"),
    log=Log(level="warn", format="text"),
    projects={"kitchen-config": {"motto": "enjoy"}},
)
