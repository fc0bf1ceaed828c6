"""A server of the cron tests: what a test chooses comes from the environment."""

from __future__ import annotations

from core import CronSettings, Http, Log, Mongo, ServerSettings, env

settings = ServerSettings(
    listen=[Http(port=env("CATENA_PORT"))],
    databases={"main": Mongo(url=env("CATENA_MONGO_URL"))},
    log=Log(level="info", format="json"),
    cron=CronSettings(dead_after_s=env("CATENA_DEAD_AFTER_S", default=6.0)),
)
