"""In production: everything that differs between machines comes from the environment.

CATENA_MONGO_URL is required. CATENA_PUBLIC_URL is the base of links behind a proxy. The API documentation is
off unless CATENA_DOCS says `on`, because it tells everybody what there is.
"""

from __future__ import annotations

from dataclasses import replace

from config.base import base
from core import Log, Mongo, env

settings = replace(
    base,
    workers=env("CATENA_WORKERS", default=2),
    public_url=env("CATENA_PUBLIC_URL", default=""),
    databases={"main": Mongo(url=env("CATENA_MONGO_URL"))},
    docs=replace(base.docs, enabled=env("CATENA_DOCS", default=False)),
    log=Log(level=env("CATENA_LOG_LEVEL", default="info"), format="json"),
)
