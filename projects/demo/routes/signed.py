"""The demo API again, for devices: every request is signed, or carries a static key."""

from __future__ import annotations

from core import Path, Route, Routes, use
from projects.demo.controllers.todos import create_todo, delete_todo, get_todo, list_todos, update_todo

validate_access_key = use("generic-validateAccessKey", "1.0")
MODIFIED = "2026-11-24"

signed = Routes(
    group="demo",
    name="Demo API, authorization required",
    version="1.0",
    prefix="/demo-auth/v1",
    after=[use("generic-defaultJSONResponse", "1.0")],
    paths=[
        Path(
            "./todo",
            list=Route("todos", chain=[validate_access_key, list_todos], description="List todos", modified=MODIFIED),
            index=Route("todo", chain=[validate_access_key, get_todo], description="Get one todo", modified=MODIFIED),
            create=Route(
                "create-todo", chain=[validate_access_key, create_todo], description="Add a todo", modified=MODIFIED
            ),
            update=Route(
                "update-todo", chain=[validate_access_key, update_todo], description="Change a todo", modified=MODIFIED
            ),
            delete=Route(
                "delete-todo", chain=[validate_access_key, delete_todo], description="Remove a todo", modified=MODIFIED
            ),
        ),
        Path(
            "./services",
            list=Route(
                "services",
                chain=[use("generic-listServices", "2.0")],
                description="List the services of this API",
                modified=MODIFIED,
            ),
        ),
        Path(
            "./devices",
            create=Route(
                "create-device",
                chain=[use("generic-deviceProfile", "1.0")],
                description="Register a device",
                modified=MODIFIED,
            ),
            update=Route(
                "update-device",
                chain=[validate_access_key, use("generic-deviceProfile", "1.0")],
                description="Change the profile of the device that asks",
                modified=MODIFIED,
            ),
        ),
    ],
)
