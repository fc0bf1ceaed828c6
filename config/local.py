"""On a developer's machine: `python server.py`."""

from __future__ import annotations

from dataclasses import replace

from config.base import base
from core import Http, Log, env

settings = replace(
    base,
    # With debug blocks it is nobody else's; CATENA_HOST=0.0.0.0 opens it to phones on the same network.
    listen=[Http(port=env("CATENA_PORT", default=3000), host=env("CATENA_HOST", default="127.0.0.1"))],
    log=Log(level=env("CATENA_LOG_LEVEL", default="info"), format="text"),
    debug=True,
    default_errors=("generic-defaultJSONErrorResponse", "1.0"),  # shows the debug block in errors, too
    # Settings of projects, by the identity of their settings class; names that no class has are reported.
    projects={"demo-config": {"title": "This is a demo API, served locally"}},
)
