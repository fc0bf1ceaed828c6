"""The same work on FastAPI, as its manual shows it: pydantic models in and out, dependencies as steps.

Answers have a return type, so that pydantic writes the JSON itself: FastAPI's fastest documented way.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

from bson import ObjectId
from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request
from pydantic import BaseModel, BeforeValidator, Field

from tests.benchmarks.servers import signatures
from tests.benchmarks.servers.store import LIMIT_MS, Store

store = Store()
T = TypeVar("T")
Id = Annotated[str, BeforeValidator(str)]


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    store.open()
    yield
    await store.close()


app = FastAPI(lifespan=lifespan)


class Envelope(BaseModel, Generic[T]):
    status: int = 200
    response: T


class Hello(BaseModel):
    hello: str


class Window(BaseModel):
    first: int
    last: int


class Found(BaseModel):
    account: str
    q: str
    sort: str
    first: int
    last: int


class Order(BaseModel):
    number: Annotated[int, Field(ge=1)]
    customer: Annotated[str, Field(min_length=1, max_length=64)]
    email: Annotated[str, Field(max_length=254, pattern=r"^[^@ ]+@[^@ ]+\.[a-z]+$")]
    phone: Annotated[str, Field(pattern=r"^\+?[0-9 ]{5,20}$")]
    street: Annotated[str, Field(min_length=1, max_length=64)]
    city: Annotated[str, Field(min_length=1, max_length=64)]
    zip: Annotated[str, Field(pattern=r"^[0-9]{4,10}$")]
    country: Literal["de", "fr", "gb", "us"]
    currency: Literal["EUR", "GBP", "USD"]
    total: Annotated[float, Field(ge=0)]
    priority: Annotated[int, Field(ge=1, le=5)]
    gift: bool
    tags: list[Annotated[str, Field(max_length=32)]]
    coupon: Annotated[str | None, Field(max_length=16)]
    note: Annotated[str, Field(max_length=2000)]


class Item(BaseModel):
    id: Annotated[Id, Field(alias="_id")]
    name: str
    group: str
    status: str
    amount: int
    price: float
    tags: list[str]
    created: datetime


class NewEntry(BaseModel):
    name: Annotated[str, Field(min_length=1, max_length=64)]
    group: Annotated[str, Field(max_length=64)]
    amount: Annotated[int, Field(ge=0, le=1_000_000)]


class Created(BaseModel):
    id: Id


async def find_account(account: Annotated[str, Query(max_length=20, pattern=r"^[a-z]-[0-9]+$")]) -> str:
    return account


async def choose_window(
    limit: Annotated[int, Query(ge=1, le=200)] = 25, skip: Annotated[int, Query(ge=0, le=1_000_000)] = 0
) -> Window:
    return Window(first=skip, last=skip + limit)


@app.get("/bench/hello")
async def say_hello() -> Envelope[Hello]:
    return Envelope(response=Hello(hello="world"))


@app.get("/bench/search")
async def search(
    account: Annotated[str, Depends(find_account)],
    window: Annotated[Window, Depends(choose_window)],
    q: Annotated[str, Query(min_length=1, max_length=64)],
    sort: Literal["name", "-name", "price", "-price"] = "name",
) -> Envelope[Found]:
    return Envelope(response=Found(account=account, q=q, sort=sort, first=window.first, last=window.last))


@app.post("/bench/orders")
async def echo(order: Order) -> Envelope[Order]:
    return Envelope(response=order)


@app.get("/bench/items")
async def list_items(
    limit: Annotated[int, Query(ge=1, le=200)] = 25, skip: Annotated[int, Query(ge=0, le=1_000_000)] = 0
) -> Envelope[list[Item]]:
    found = store.items.find({}, sort=[("_id", 1)], limit=limit, skip=skip, batch_size=limit, max_time_ms=LIMIT_MS)
    return Envelope(response=[Item.model_validate(document) for document in await found.to_list()])


@app.get("/bench/items/{item_id}")
async def get_item(item_id: str) -> Envelope[Item]:
    if not ObjectId.is_valid(item_id):
        raise HTTPException(400)
    document = await store.items.find_one({"_id": ObjectId(item_id)}, max_time_ms=LIMIT_MS)
    if document is None:
        raise HTTPException(404)
    return Envelope(response=Item.model_validate(document))


class Signed(BaseModel):
    device: str
    account: str


async def find_device(request: Request, version: Literal["1", "2"], key: Annotated[str, Header()]) -> str:
    host, method = request.headers.get("host", ""), request.method
    path, query = request.scope["raw_path"].decode("latin-1"), request.scope["query_string"].decode("latin-1")
    try:
        if version == "1":
            device = await signatures.check_v1(store, key, method, f"http://{host}{path}?{query}")
        else:
            device = await signatures.check_v2(store, key, method, host, path, query)
    except signatures.Refused:
        raise HTTPException(401) from None
    return str(device["id"])


@app.get("/bench/signed/{version}")
async def show_signed(
    device: Annotated[str, Depends(find_device)], account: Annotated[str, Depends(find_account)]
) -> Envelope[Signed]:
    return Envelope(response=Signed(device=device, account=account))


@app.post("/bench/items")
async def add_entry(entry: NewEntry) -> Envelope[Created]:
    result = await store.entries.insert_one(entry.model_dump())
    return Envelope(response=Created(id=result.inserted_id))
