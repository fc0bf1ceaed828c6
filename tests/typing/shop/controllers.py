"""Steps of every kind."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime
from typing import Any

from core import (
    Conflict,
    Context,
    Controller,
    DuplicateKey,
    ErrorItem,
    Finish,
    Forbidden,
    HTTPError,
    NotFound,
    PreconditionFailed,
    Redirect,
    Response,
    StreamResponse,
    Unavailable,
    WireCode,
    error_response,
    given,
)
from tests.typing.shop.models import Dish
from tests.typing.shop.params import Item, Key, NewDish, Options, Page
from tests.typing.shop.settings import ShopSettings

dishes = Controller("shop-dishes", version="1.0", group="shop")
access = Controller("shop-access")


class Device:
    def __init__(self, name: str) -> None:
        self.name = name


@access.all(provides=Device, authorizes=True, responses={403: "NoKey"})
async def check_access(ctx: Context, *, header: Key) -> Device | Response:
    if header.x_key == "stop":
        return Response(None, 204)
    if ctx.request.client_ip.startswith("10."):
        raise Forbidden("NoKey", ctx.t("shop-texts", "NoKey", header.x_key))
    return Device(header.x_key)


@dishes.list(responses={200: "Success"})
async def list_dishes(ctx: Context, *, query: Page) -> list[Dish]:
    ctx.headers["About"] = ctx.settings[ShopSettings].title
    return await ctx.db[Dish].find({"group": "shop"}, sort=query.sort, limit=query.limit, skip=0)


@dishes.index
async def get_dish(ctx: Context, *, path: Item) -> Dish:
    dish = await ctx.db[Dish].get(path.id)
    if dish is None:
        raise NotFound("DishNotFound")
    return dish


@dishes.create(responses={200: "Success", 409: ["DataRecordAlreadyExist"]})
async def create_dish(ctx: Context, *, body: NewDish, device: Device | None) -> Dish:
    if body.price is not None and body.price > 1000:
        raise PreconditionFailed([ErrorItem(WireCode.MAX_VALUE_EXCEEDED, "too dear", "price", "body")])
    try:
        dish = await ctx.db[Dish].insert(Dish(name=body.name, price=body.price or 0))
    except DuplicateKey as error:
        raise Conflict(WireCode.DATA_RECORD_ALREADY_EXIST, error.index) from error
    ctx.later(remember(device, dish), name="remember")
    return dish


async def remember(device: Device | None, dish: Dish) -> None:
    print(device.name if device else "nobody", dish.name.upper(), dish.created.astimezone(UTC))


@dishes.update
async def update_dish(ctx: Context, *, path: Item, body: NewDish) -> None:
    result = await ctx.db[Dish].update_one({"_id": path.id}, {"$set": given(body)})
    if not result.matched:
        raise NotFound
    changed: Dish | None = await ctx.db[Dish].find_one_and_update({"_id": path.id}, {"$inc": {"price": 1}})
    print(changed)


@dishes.del_
def remove_dish(ctx: Context, *, path: Item) -> Finish:
    return Finish({"removed": str(path.id)})


@dishes.action("many")
async def create_many(ctx: Context, *, body: list[NewDish]) -> int:
    async with ctx.db.transaction():
        stored = await ctx.db[Dish].insert_many([Dish(name=item.name) for item in body])
    return len(stored)


@dishes.action("raw")
async def read_raw(ctx: Context, *, body: bytes) -> str:
    return body.hex()


@dishes.action("free")
async def read_free(ctx: Context, *, body: dict[str, Any]) -> list[str]:
    return sorted(body)


@dishes.action("limit")
async def limit_dishes(ctx: Context, *, options: Options) -> None:
    if await ctx.db[Dish].count() > options.most:
        raise Unavailable(retry_after_s=5)


@dishes.action("watch")
async def watch_dishes(ctx: Context) -> StreamResponse:
    async def lines() -> AsyncIterator[bytes]:
        async for dish in ctx.db[Dish].iterate(sort="-created"):
            yield f"{dish.name}\n".encode()

    return StreamResponse(lines(), media_type="text/plain; charset=utf-8")


@dishes.action("old")
async def redirect(ctx: Context) -> Redirect:
    return Redirect("/shop/v1/dish", 301)


@dishes.action("around")
async def measure(ctx: Context) -> AsyncGenerator[None, Response]:
    began: datetime = ctx.now()
    response = yield None
    response.set_header("X-Seconds", str((ctx.now() - began).total_seconds()))


@dishes.action("error")
async def explain(ctx: Context, *, error: HTTPError, device: Device | None) -> Response | None:
    return error_response(ctx, error) if error.status >= 500 and device else None
