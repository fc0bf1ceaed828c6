"""Documents of a shop, as an author declares them."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Literal

from core import IP, Email, Index, Model, ObjectId, Params, factory, now, rule


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Address(Params):
    street: Annotated[str, rule("Street and number", max_length=80)]
    city: str = "Berlin"
    tags: list[str] = factory(list[str])


class Dish(
    Model,
    identity="shop-dish",
    version="1.0",
    collection="dishes",
    indexes=[Index("name", "group", unique=True), Index("-created")],
    text_indexes=[Index("name")],
    collection_options={"capped": False},
):
    name: Annotated[str, rule("Name", unique=True, max_length=64)]
    group: str = "shop"
    price: Annotated[float, rule("Price", min=0)] = 0
    size: Literal["small", "large"] = "small"
    color: Color = Color.RED
    address: Address | None = None
    notes: dict[str, Any] = factory(dict[str, Any])
    cook: Email | None = None
    seen_from: IP | None = None
    created: Annotated[datetime, rule(index=True)] = factory(now)
    parent: ObjectId | None = None


class Ticket(Model, identity="shop-ticket", collection="tickets", database="main", shard_key="group"):
    oid: str
    group: str = "shop"
