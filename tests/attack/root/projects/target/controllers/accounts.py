"""Accounts found by a value from every place of a request, as careless authors would write it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from core import BadRequest, Context, Controller, ModelError, NotFound, Params, given, rule
from projects.target.models.account import Account

accounts = Controller("target-accounts", group="target")


class Query(Params):
    name: str = ""
    names: list[str] | None = None
    about: dict[str, Any] | None = None
    limit: Annotated[int, rule("How many", min=1, max=10)] = 10
    ratio: float = 0
    sort: Literal["name", "-name"] = "name"


class Headers(Params):
    x_name: str


class ByName(Params):
    name: str
    limit: int = 10


class Named(Params):
    id: str


class NewAccount(Params):
    name: Annotated[str, rule("Name", min_length=1, max_length=64)]
    notes: dict[str, Any] | None = None


class Changes(Params):
    name: Annotated[str | None, rule("New name", min_length=1, max_length=64, nullable=False)] = None


@accounts.action("query")
async def by_query(ctx: Context, *, query: Query) -> list[Account]:
    wanted = {"$in": query.names} if query.names is not None else query.name
    return await ctx.db[Account].find({"name": wanted}, sort=query.sort, limit=query.limit)


@accounts.action("header")
async def by_header(ctx: Context, *, header: Headers) -> list[Account]:
    return await ctx.db[Account].find({"name": header.x_name})


@accounts.action("path")
async def by_path(ctx: Context, *, path: Named) -> list[Account]:
    return await ctx.db[Account].find({"name": path.id})


@accounts.action("body")
async def by_body(ctx: Context, *, body: ByName) -> list[Account]:
    return await ctx.db[Account].find({"name": body.name}, limit=body.limit)


@accounts.action("open")
async def by_any_value(ctx: Context, *, body: dict[str, Any]) -> list[Account]:
    """Nothing is checked here: the value goes into the filter as it came."""
    return await ctx.db[Account].find({"name": body.get("name")})


@accounts.action("filter")
async def by_any_filter(ctx: Context, *, body: dict[str, Any]) -> list[Account]:
    """The worst an author can do: the body is the filter."""
    return await ctx.db[Account].find(body)


@accounts.action("create")
async def create(ctx: Context, *, body: NewAccount) -> Account:
    try:
        return await ctx.db[Account].insert(Account(name=body.name, notes=body.notes or {}))
    except ModelError as error:
        raise BadRequest(errors=error.errors) from error


@accounts.action("change")
async def change(ctx: Context, *, path: Named, body: Changes) -> Account:
    changed = await ctx.db[Account].find_one_and_update({"name": path.id}, {"$set": {**given(body), "etag": "next"}})
    if changed is None:
        raise NotFound
    return changed


@accounts.action("set")
async def set_anything(ctx: Context, *, path: Named, body: dict[str, Any]) -> None:
    """Whatever the client sent, below the one field that is free."""
    try:
        await ctx.db[Account].update_one({"name": path.id}, {"$set": {"notes": body}})
    except ModelError as error:
        raise BadRequest(errors=error.errors) from error
