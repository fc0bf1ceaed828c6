"""The demo in memory, as its author would test it: no socket, no database to install."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core import DuplicateKey
from core.testing import TestApp, make_app
from projects.demo.controllers.todos import NewTodo, Page, create_todo, list_todos
from projects.demo.libs.todos import seed_todos
from projects.demo.models.todo import Todo

PROJECT = Path(__file__).parents[1]
TODO = "/demo/v1/todo"


@pytest.fixture
async def app() -> AsyncIterator[TestApp]:
    async with make_app(PROJECT) as running:
        yield running


async def test_an_action_is_a_plain_function(app: TestApp) -> None:
    ctx = app.context()
    made = await create_todo(ctx, body=NewTodo(name="milk"))
    listed = await list_todos(ctx, query=Page(sort="created", ascending=False, limit=1))
    assert [todo.oid for todo in listed] == [made.id]
    assert ctx.headers["About"] == "This is a demo API"
    with pytest.raises(DuplicateKey):
        await create_todo(ctx, body=NewTodo(name="milk"))


async def test_the_list_starts_with_the_todos_of_the_settings(app: TestApp) -> None:
    reply = await app.client.get(TODO)
    names = [todo["name"] for todo in reply.json()["response"]]
    assert len(names) == 5
    assert names[0] == "Read the quickstart"


async def test_seeding_again_changes_nothing_while_there_is_something(app: TestApp) -> None:
    todos = app.db[Todo]
    await todos.delete_many({"name": {"$ne": "Start the server"}})
    await seed_todos(todos, ["Read the quickstart"], datetime.now(UTC))
    assert await todos.count() == 1


@pytest.mark.parametrize(
    ("status", "minutes", "left"),
    [
        pytest.param("checked", 4, 1, id="done but young"),
        pytest.param("checked", 6, 0, id="done and untouched"),
        pytest.param("unchecked", 6, 1, id="not done, however old"),
    ],
)
async def test_the_cron_removes_done_todos_only(status: str, minutes: int, left: int) -> None:
    time = datetime.now(UTC)
    async with make_app(PROJECT, clock=lambda: time) as app:
        await app.client.post(TODO, json={"name": "milk", "status": status})
        time += timedelta(minutes=minutes)
        await app.run_cron("demo-removeDoneTodos")
        assert await app.db[Todo].count({"name": "milk"}) == left
        assert await app.db[Todo].count({"name": {"$ne": "milk"}}) == 5


async def test_touching_a_done_todo_keeps_it() -> None:
    time = datetime.now(UTC)
    async with make_app(PROJECT, clock=lambda: time) as app:
        created = await app.client.post(TODO, json={"name": "milk", "status": "checked"})
        time += timedelta(minutes=4)
        await app.client.put(f"{TODO}/{created.json()['response']['id']}", json={"name": "oat milk"})
        time += timedelta(minutes=4)
        await app.run_cron("demo-removeDoneTodos")
        assert await app.db[Todo].count({"name": "oat milk"}) == 1
