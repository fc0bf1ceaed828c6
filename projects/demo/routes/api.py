"""The demo API. `latest` is a second prefix by convention: it moves on, `v1` stays."""

from __future__ import annotations

from core import Path, Route, Routes, use
from projects.demo.controllers.todos import create_todo, delete_todo, get_todo, list_todos, update_todo

check_access = use("demo-checkAccess", "1.0")
MODIFIED = "2026-11-20"

api = Routes(
    group="demo",
    name="Demo API",
    version="1.0",
    prefix=["/demo/v1", "/demo/latest"],
    after=[use("generic-defaultJSONResponse", "1.0")],
    paths=[
        Path(
            "./todo",
            list=Route("todos", chain=[check_access, list_todos], description="List todos", modified=MODIFIED),
            index=Route("todo", chain=[get_todo], description="Get one todo", modified=MODIFIED),
            create=Route("create-todo", chain=[check_access, create_todo], description="Add a todo", modified=MODIFIED),
            update=Route(
                "update-todo", chain=[check_access, update_todo], description="Change a todo", modified=MODIFIED
            ),
            delete=Route(
                "delete-todo", chain=[check_access, delete_todo], description="Remove a todo", modified=MODIFIED
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
