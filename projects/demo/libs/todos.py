"""Everything the demo does with todos. Controllers, the cron and the init call it; it knows nothing of HTTP.

Other projects reach it by identity: `ctx.lib("demo-lib").remove_done(...)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from core import Collection, DuplicateKey, Lib, ObjectId
from projects.demo.models.todo import Todo

lib = Lib("demo-lib", version="1.0")


async def find_todos(
    todos: Collection[Todo], *, sort: str, ascending: bool = True, limit: int, skip: int = 0
) -> list[Todo]:
    """Todos in order of `sort` (`-name`: descending); `_id` decides among equals, so pages never overlap."""
    if not ascending and not sort.startswith("-"):
        sort = f"-{sort}"
    return await todos.find(sort=[sort, "_id"], limit=limit, skip=skip)


async def add_todo(todos: Collection[Todo], name: str, status: Any, at: datetime) -> Todo:
    """A new todo.

    Raises:
        DuplicateKey: there is one of that name.
    """
    return await todos.insert(Todo(name=name, status=status, created=at, last_modified=at))


async def change_todo(todos: Collection[Todo], oid: ObjectId, changes: Mapping[str, Any], at: datetime) -> Todo | None:
    """The todo after the change, or `None` when there is none with this id."""
    return await todos.find_one_and_update({"_id": oid}, {"$set": {**changes, "lastModified": at}})


async def remove_todo(todos: Collection[Todo], oid: ObjectId) -> bool:
    """Whether there was one to remove."""
    return await todos.delete_one({"_id": oid}) > 0


async def remove_done(todos: Collection[Todo], at: datetime) -> int:
    """Removes done todos that nobody touched for five minutes; returns how many."""
    untouched_since = at - timedelta(minutes=5)
    return await todos.delete_many({"status": "checked", "lastModified": {"$lte": untouched_since}})


async def seed_todos(todos: Collection[Todo], names: Iterable[str], at: datetime) -> None:
    """Fills an empty collection. Several workers may do so at once: a name is added by one of them only."""
    if await todos.exists({}):
        return
    for name in names:
        with suppress(DuplicateKey):
            await add_todo(todos, name, "unchecked", at)
