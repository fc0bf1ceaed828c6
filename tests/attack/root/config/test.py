"""The configuration of the application that is attacked."""

from __future__ import annotations

from core import CronSettings, Log, Mongo, ServerSettings, Timeouts, env

settings = ServerSettings(
    databases={"main": Mongo(url=env("CATENA_MONGO_URL"))},
    cron=CronSettings(enabled=False),
    log=Log(level="info", format="json"),
    timeouts=Timeouts(drain_s=2),
)
