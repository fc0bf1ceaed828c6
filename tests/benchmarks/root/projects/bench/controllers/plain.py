"""Cases without a database: hello, five query values in three steps, a body of 1 KB, work for the processor."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from core import Context, Controller, Params, rule
from generic.models.device import Device

plain = Controller("bench-plain", group="bench")

BURN_S = 0.005


@dataclass(frozen=True, slots=True)
class Account:
    """What the first step of a search provides."""

    name: str


@dataclass(frozen=True, slots=True)
class Window:
    """What the second step of a search provides."""

    first: int
    last: int


class AccountQuery(Params):
    account: Annotated[str, rule("Whose things", max_length=20, match=r"^[a-z]-[0-9]+$")]


class WindowQuery(Params):
    limit: Annotated[int, rule("Items per page", min=1, max=200)] = 25
    skip: Annotated[int, rule("Items to leave out", min=0, max=1_000_000)] = 0


class SearchQuery(Params):
    q: Annotated[str, rule("Words", min_length=1, max_length=64)]
    sort: Literal["name", "-name", "price", "-price"] = "name"


class Order(Params):
    number: Annotated[int, rule("Number", min=1)]
    customer: Annotated[str, rule("Name", min_length=1, max_length=64)]
    email: Annotated[str, rule("Address", max_length=254, match=r"^[^@ ]+@[^@ ]+\.[a-z]+$")]
    phone: Annotated[str, rule("Phone", match=r"^\+?[0-9 ]{5,20}$")]
    street: Annotated[str, rule("Street", min_length=1, max_length=64)]
    city: Annotated[str, rule("City", min_length=1, max_length=64)]
    zip: Annotated[str, rule("Postal code", match=r"^[0-9]{4,10}$")]
    country: Literal["de", "fr", "gb", "us"]
    currency: Literal["EUR", "GBP", "USD"]
    total: Annotated[float, rule("Sum", min=0)]
    priority: Annotated[int, rule("Priority", min=1, max=5)]
    gift: bool
    tags: Annotated[list[str], rule("Labels", max_length=32)]
    coupon: Annotated[str | None, rule("Code of a coupon", max_length=16)]
    note: Annotated[str, rule("Remarks", max_length=2000)]


@plain.action("hello")
async def say_hello(ctx: Context) -> dict[str, Any]:
    return {"hello": "world"}


@plain.action("account", provides=Account)
async def find_account(ctx: Context, *, query: AccountQuery) -> Account:
    return Account(query.account)


@plain.action("window", provides=Window)
async def choose_window(ctx: Context, *, query: WindowQuery) -> Window:
    return Window(query.skip, query.skip + query.limit)


@plain.action("search")
async def search(ctx: Context, *, query: SearchQuery, account: Account, window: Window) -> dict[str, Any]:
    return {"account": account.name, "q": query.q, "sort": query.sort, "first": window.first, "last": window.last}


@plain.action("signed")
async def show_signed(ctx: Context, *, device: Device, account: Account) -> dict[str, Any]:
    return {"device": device.id, "account": account.name}


@plain.action("echo")
async def echo(ctx: Context, *, body: Order) -> Order:
    return body


@plain.action("burn")
async def burn(ctx: Context) -> dict[str, Any]:
    began = time.thread_time()
    while time.thread_time() - began < BURN_S:
        pass
    return {"burnt": BURN_S}
