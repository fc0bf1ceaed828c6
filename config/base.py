"""What every mode of this installation shares. A mode is a file beside this one: `replace(base, …)`."""

from __future__ import annotations

from core import LOCAL, Culture, Docs, Http, Mongo, ServerSettings, env

base = ServerSettings(
    listen=[Http(port=env("CATENA_PORT", default=3000))],
    # LOCAL: a mongod found on this machine, else memory. Only the modes local and test may fall back to it.
    databases={"main": Mongo(url=env("CATENA_MONGO_URL", default=LOCAL))},
    culture=Culture("en", "gb"),
    docs=Docs(
        title="Catena", description="A MongoDB API gateway: the demo project and whatever else lives in projects/."
    ),
)
