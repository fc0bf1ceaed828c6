"""Cases with a database: find one by id, list twenty, insert one."""

from __future__ import annotations

from typing import Annotated, Any

from core import Context, Controller, NotFound, ObjectId, Params, rule
from projects.bench.models.item import Entry, Item, Name

items = Controller("bench-items", group="bench")


class ItemPath(Params):
    id: ObjectId


class Page(Params):
    limit: Annotated[int, rule("Items per page", min=1, max=200)] = 25
    skip: Annotated[int, rule("Items to leave out", min=0, max=1_000_000)] = 0


class NewEntry(Params):
    name: Name
    group: Annotated[str, rule("Who it belongs to", max_length=64)]
    amount: Annotated[int, rule("How many", min=0, max=1_000_000)]


@items.index
async def get_item(ctx: Context, *, path: ItemPath) -> Item:
    item = await ctx.db[Item].get(path.id)
    if item is None:
        raise NotFound
    return item


@items.list
async def list_items(ctx: Context, *, query: Page) -> list[Item]:
    return await ctx.db[Item].find(sort="_id", limit=query.limit, skip=query.skip)


@items.create
async def add_entry(ctx: Context, *, body: NewEntry) -> dict[str, Any]:
    entry = await ctx.db[Entry].insert(Entry(name=body.name, group=body.group, amount=body.amount))
    return {"id": entry.oid}
