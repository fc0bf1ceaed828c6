"""The configuration of the application that is attacked, as in production."""

from __future__ import annotations

from core import CronSettings, Log, Mongo, Overload, ServerSettings, Timeouts, env

settings = ServerSettings(
    databases={"main": Mongo(url=env("CATENA_MONGO_URL"))},
    cron=CronSettings(enabled=False),
    log=Log(level="info", format="json"),
    overload=Overload(max_lag_ms=10_000),  # tests of overload have servers of their own
    timeouts=Timeouts(drain_s=2),
)
