"""Models that the contract tests store, and items to begin with."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from core.data.databases import Databases
from core.schema.model import Index, Model
from core.schema.rules import factory, rule


class Item(Model, identity="contract-item", version="1.0", collection="items", indexes=[Index("group", "-rank")]):
    """A bit of everything."""

    name: Annotated[str, rule("Name", unique=True, min_length=1, max_length=64)]
    group: str = "demo"
    rank: Annotated[int, rule("Order", min=0, max=1000)] = 0
    status: Literal["open", "done"] = "open"
    created: datetime | None = None
    tags: list[str] = factory(list[str])
    data: dict[str, Any] = factory(dict[str, Any])


class Sharded(Model, identity="contract-sharded", version="1.0", collection="sharded", shard_key=["region"]):
    """Queries must name its region."""

    region: str
    label: str = ""


class Keyed(Model, identity="contract-keyed", version="1.0", collection="keyed"):
    """Its ids may be anything, and it has unique fields of several kinds."""

    oid: Annotated[Any, rule(name="_id")] = None
    number: Annotated[int | None, rule(unique=True, sparse=True)] = None
    tags: Annotated[list[str] | None, rule(unique=True, sparse=True)] = None


async def fill(db: Databases) -> list[Item]:
    """Five items: a b c in group x, d e in group y, ranks 5 4 3 2 1."""
    rows = zip("abcde", "xxxyy", (5, 4, 3, 2, 1), strict=True)
    return await db[Item].insert_many([Item(name=name, group=group, rank=rank) for name, group, rank in rows])


def names(items: list[Item]) -> str:
    return "".join(item.name for item in items)
