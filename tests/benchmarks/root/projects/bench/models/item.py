"""What is read and written. Items are made by the benchmark; entries are inserted by the requests it counts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from core import Model, factory, now, rule

Name = Annotated[str, rule("Name", min_length=1, max_length=64)]


class Item(Model, identity="bench-items", collection="bench-items"):
    name: Name
    group: Annotated[str, rule("Who it belongs to", max_length=64)] = "bench"
    status: Literal["open", "closed"] = "open"
    amount: Annotated[int, rule("How many", min=0)] = 0
    price: Annotated[float, rule("Price of one", min=0)] = 0.0
    tags: Annotated[list[str], rule("Labels", max_length=32)] = factory(list[str])
    created: datetime = factory(now)


class Entry(Model, identity="bench-entries", collection="bench-entries"):
    name: Name
    group: Annotated[str, rule("Who it belongs to", max_length=64)]
    amount: Annotated[int, rule("How many", min=0, max=1_000_000)]
