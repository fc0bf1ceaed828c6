"""The demo API again, for devices: requests are signed or carry a static key, but for registering and the listing."""

from __future__ import annotations

from core import Path, Route, Routes, use
from projects.demo.controllers.todos import create_todo, delete_todo, get_todo, list_todos, update_todo

NAME = "Demo API, authorization required"
MODIFIED = "2026-11-24"

signed = Routes(
    group="demo",
    name=NAME,
    version="1.0",
    prefix="/demo-auth/v1",
    # In front of all of these, so that none can be forgotten.
    before=[use("generic-validateAccessKey", "1.0")],
    after=[use("generic-defaultJSONResponse", "1.0")],
    paths=[
        Path(
            "./todo",
            list=Route("todos", chain=[list_todos], description="List todos", modified=MODIFIED),
            index=Route("todo", chain=[get_todo], description="Get one todo", modified=MODIFIED),
            create=Route("create-todo", chain=[create_todo], description="Add a todo", modified=MODIFIED),
            update=Route("update-todo", chain=[update_todo], description="Change a todo", modified=MODIFIED),
            delete=Route("delete-todo", chain=[delete_todo], description="Remove a todo", modified=MODIFIED),
        ),
        Path(
            "./devices",
            update=Route(
                "update-device",
                chain=[use("generic-deviceProfile", "1.0")],
                description="Change the profile of the device that asks",
                modified=MODIFIED,
            ),
        ),
    ],
)

unsigned = Routes(
    group="demo",
    name=NAME,
    version="1.0",
    prefix="/demo-auth/v1",
    after=[use("generic-defaultJSONResponse", "1.0")],
    paths=[
        Path(
            "./devices",
            create=Route(
                "create-device",
                chain=[use("generic-deviceProfile", "1.0")],
                description="Register a device",
                modified=MODIFIED,
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
    ],
)
