"""The vault: every kind of protected route, for tests of signatures."""

from __future__ import annotations

from core import CronSettings, Log, Mongo, ServerSettings, env

settings = ServerSettings(
    databases={"main": Mongo(url=env("CATENA_MONGO_URL", default="mongodb://127.0.0.1:1/"))},
    cron=CronSettings(enabled=False),
    log=Log(level=env("CATENA_LOG_LEVEL", default="info"), format="json"),
    workers=env("CATENA_WORKERS", default=1),
)
