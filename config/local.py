"""On a developer's machine: `python server.py`."""

from __future__ import annotations

from dataclasses import replace

from config.base import base
from core import Log, env

settings = replace(
    base,
    log=Log(level=env("CATENA_LOG_LEVEL", default="info"), format="text"),
    debug=True,
    default_errors=("generic-defaultJSONErrorResponse", "1.0"),  # shows the debug block in errors, too
    # Settings of projects, by the identity of their settings class; names that no class has are reported.
    projects={"demo-config": {"title": "This is a demo API, served locally"}},
)
