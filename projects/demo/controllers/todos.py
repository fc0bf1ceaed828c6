"""The todo list over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal

from core import Context, Controller, NotFound, ObjectId, Params, given, rule
from projects.demo.config.settings import DemoSettings
from projects.demo.libs.todos import add_todo, change_todo, find_todos, remove_todo
from projects.demo.models.todo import Name, Status, Todo

todos = Controller("demo-todos", version="1.0", group="demo")

Sort = Literal["name", "-name", "status", "-status", "created", "-created", "lastModified", "-lastModified"]


class Page(Params):
    limit: Annotated[int, rule("Items per page", min=1, max=200)] = 25
    skip: Annotated[int, rule("Items to leave out", min=0, max=1_000_000)] = 0
    sort: Annotated[Sort, rule("Order of the items, with - for descending")] = "created"
    ascending: Annotated[bool, rule("false turns the order of a plain sort, as in mia.js")] = True


class ItemPath(Params):
    id: Annotated[ObjectId, rule("Id of the item")]


class NewTodo(Params):
    name: Name
    status: Annotated[Status, rule("Whether it is done")] = "unchecked"


class TodoChanges(Params):
    name: Annotated[str | None, rule("New name of the item", min_length=1, max_length=64, nullable=False)] = None
    status: Annotated[Status | None, rule("Whether it is done", nullable=False)] = None


class Created(Params):
    id: Annotated[ObjectId, rule("Id of the new item")]


@todos.list(responses={200: "Success"})
async def list_todos(ctx: Context, *, query: Page) -> list[Todo]:
    """A page of the list; the header `About` says which API this is."""
    ctx.headers["About"] = ctx.settings[DemoSettings].title
    return await find_todos(
        ctx.db[Todo], sort=query.sort, ascending=query.ascending, limit=query.limit, skip=query.skip
    )


@todos.index(responses={200: "Success", 404: "TodoNotFound"})
async def get_todo(ctx: Context, *, path: ItemPath) -> list[Todo]:
    """One item. It comes as a list of one, as clients written for mia.js expect it."""
    todo = await ctx.db[Todo].get(path.id)
    if todo is None:
        raise _not_found(ctx, path.id)
    return [todo]


@todos.create(responses={200: "Success", 409: "DataRecordAlreadyExist"})
async def create_todo(ctx: Context, *, body: NewTodo) -> Created:
    """Adds an item and gives its id. A name that is taken raises DuplicateKey, which is answered 409."""
    todo = await add_todo(ctx.db[Todo], body.name, body.status, ctx.now())
    return Created(id=todo.oid)


@todos.update(responses={200: "Success", 404: "TodoNotFound", 409: "DataRecordAlreadyExist"})
async def update_todo(ctx: Context, *, path: ItemPath, body: TodoChanges) -> None:
    """Changes what is given and leaves the rest as it is."""
    todo = await change_todo(ctx.db[Todo], path.id, given(body), ctx.now())
    if todo is None:
        raise _not_found(ctx, path.id)


@todos.delete(responses={200: "Success", 404: "NothingToRemove"})
async def delete_todo(ctx: Context, *, path: ItemPath) -> None:
    """Removes an item."""
    if not await remove_todo(ctx.db[Todo], path.id):
        raise NotFound("NothingToRemove", ctx.t("demo-translations", "NothingToRemove"))


def _not_found(ctx: Context, oid: ObjectId) -> NotFound:
    return NotFound("TodoNotFound", ctx.t("demo-translations", "TodoNotFound", oid))
