"""What requests of the shop contain."""

from __future__ import annotations

from typing import Annotated, Literal

from core import CIDR, ObjectId, Params, SafeInt, Timestamp, factory, rule


class Page(Params):
    limit: Annotated[int, rule("Items per page", min=1, max=200)] = 25
    sort: Literal["name", "-name"] = "name"
    networks: list[CIDR] = factory(list[CIDR])
    since: Timestamp | None = None


class Key(Params):
    x_key: Annotated[str, rule("The key", match="^[a-z]+$", convert=["trim", "lower"])]


class Item(Params):
    id: ObjectId


class NewDish(Params):
    name: Annotated[str, rule("Name", min_length=1)]
    price: Annotated[float | None, rule(nullable=False)] = None
    amount: SafeInt = 1


class Options(Params):
    most: Annotated[int, rule("At most", min=1)] = 10
