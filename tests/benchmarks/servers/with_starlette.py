"""The same work on Starlette, written by hand: orjson, pymongo's async client, checks as plain functions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from bson import ObjectId
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.benchmarks.servers import checks, signatures
from tests.benchmarks.servers.outgoing import Outgoing
from tests.benchmarks.servers.store import LIMIT_MS, Store

store = Store()
outgoing = Outgoing()


class Json(Response):
    """An envelope, encoded by orjson."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps({"status": 200, "response": content}, default=encode_other, option=orjson.OPT_UTC_Z)


def encode_other(value: Any) -> str:
    if isinstance(value, ObjectId):
        return str(value)
    raise TypeError


async def say_hello(request: Request) -> Response:
    return Json({"hello": "world"})


async def search(request: Request) -> Response:
    values = checks.check_search(request.query_params)
    account = await find_account(values)
    first, last = await choose_window(values)
    return Json(await find_things(values, account, first, last))


async def find_account(values: dict[str, Any]) -> str:
    return str(values["account"])


async def choose_window(values: dict[str, Any]) -> tuple[int, int]:
    return values["skip"], values["skip"] + values["limit"]


async def find_things(values: dict[str, Any], account: str, first: int, last: int) -> dict[str, Any]:
    return {"account": account, "q": values["q"], "sort": values["sort"], "first": first, "last": last}


async def echo(request: Request) -> Response:
    return Json(checks.check_order(await read_json(request)))


async def get_item(request: Request) -> Response:
    item_id = checks.check_id(request.path_params["id"])
    item = await store.items.find_one({"_id": item_id}, max_time_ms=LIMIT_MS)
    return Json(item) if item is not None else Response(status_code=404)


async def list_items(request: Request) -> Response:
    limit, skip = checks.check_page(request.query_params)
    found = store.items.find({}, sort=[("_id", 1)], limit=limit, skip=skip, batch_size=limit, max_time_ms=LIMIT_MS)
    return Json(await found.to_list())


async def add_entry(request: Request) -> Response:
    entry = checks.check_entry(await read_json(request))
    result = await store.entries.insert_one(entry)
    return Json({"id": result.inserted_id})


async def show_signed(request: Request) -> Response:
    """Three steps, as in Catena: who signed, which account, the answer."""
    key, host = request.headers.get("key", ""), request.headers.get("host", "")
    path, query = request.scope["raw_path"].decode("latin-1"), request.scope["query_string"].decode("latin-1")
    if request.path_params["version"] == "1":
        device = await signatures.check_v1(store, key, request.method, f"http://{host}{path}?{query}")
    else:
        device = await signatures.check_v2(store, key, request.method, host, path, query)
    account = await find_account(checks.check_account(request.query_params))
    return Json({"device": device["id"], "account": account})


async def collect(request: Request) -> Response:
    return Json(await outgoing.collect())


async def read_json(request: Request) -> Any:
    try:
        return orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise checks.Invalid([("", "InvalidJson")]) from error


async def refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, checks.Invalid)
    errors = [{"id": name, "code": code} for name, code in error.errors]
    return Response(orjson.dumps({"status": 400, "errors": errors}), 400, media_type="application/json")


async def deny(request: Request, error: Exception) -> Response:
    errors = [{"code": "KeyInvalid"}]
    return Response(orjson.dumps({"status": 401, "errors": errors}), 401, media_type="application/json")


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    store.open()
    outgoing.open()
    yield
    await outgoing.close()
    await store.close()


app = Starlette(
    routes=[
        Route("/bench/hello", say_hello),
        Route("/bench/search", search),
        Route("/bench/orders", echo, methods=["POST"]),
        Route("/bench/items", list_items),
        Route("/bench/items", add_entry, methods=["POST"]),
        Route("/bench/items/{id}", get_item),
        Route("/bench/signed/{version}", show_signed),
        Route("/bench/through/{rest:path}", outgoing.pass_through),
        Route("/bench/together", collect),
    ],
    exception_handlers={checks.Invalid: refuse, signatures.Refused: deny},
    lifespan=lifespan,
)
