"""The configuration that is measured: what production has, without crons and documentation pages."""

from core import CronSettings, Docs, Log, Mongo, ServerSettings, env

settings = ServerSettings(
    databases={"main": Mongo(url=env("CATENA_MONGO_URL"))},
    cron=CronSettings(enabled=False),
    docs=Docs(enabled=False),
    log=Log(level="info", format="json"),
    projects={"generic-access": {"sealing_secret": "the benchmark seals its one key with this"}},
)
