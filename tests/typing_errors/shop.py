"""Mistakes that an editor shows: every line marked `# error` must be reported, and no other."""

from __future__ import annotations

from core import Context, Controller, Model, Params, Path, Route, Routes, Schedule, cron, use

controller = Controller("shop-wrong")


class Dish(Model, identity="shop-dish"):
    name: str
    price: float = 0


class Page(Params):
    limit: int = 25


class Other(Model, identity="shop-other", colection="typo"):  # error
    name: str = ""


@controller.list
async def list_dishes(ctx: Context, *, query: Page) -> list[Dish]:
    query.limt  # error
    return await ctx.db[Dish].find(limit="many")  # error


@controller.index
async def get_dish(ctx: Context, *, query: Page) -> Dish:
    return await ctx.db[Dish].get(1)  # error


@controller.create(response={200: "Success"})  # error
async def create_dish(ctx: Context) -> None:
    await ctx.db[Dish].insert(Dish())  # error
    await ctx.db[Dish].insert(Dish(name="x", prize=1))  # error
    ctx.later(list_dishes, name="x")  # error


async def undecorated(ctx: Context) -> None:
    dishes = await list_dishes(ctx, query=Page(limit="x"))  # error
    dishes[0].nam  # error
    await list_dishes(ctx)  # error
    await get_dish(ctx, Page())  # error


@cron("shop-job", Schedule(minutes=5))  # error
async def job() -> None: ...


api = Routes(
    group="shop",
    paths=[
        Path("./a", list=Route("a", chain=[undecorated])),  # error
        Path("./b", list=Route("b", chain=["shop-dishes"])),  # error
        Path("./c", lst=Route("c", chain=[list_dishes])),  # error
        Path("./d", list=Route("d", chain=[list_dishes], timeout="5")),  # error
        Path("./e", list=Route("e", chain=[use("x", verion="1.0")])),  # error
        Path("./f", list=Route("f", chain=[list_dishes], parameter_overflow="forbid")),  # error
    ],
)
