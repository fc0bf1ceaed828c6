"""Crons, start functions, commands and libraries of the shop, and a test of a step."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from core import All, AppContext, Collection, Job, JobStopped, Lib, Schedule, command, cron, init
from core.testing import make_app
from tests.typing.shop.controllers import Device, create_dish, list_dishes
from tests.typing.shop.models import Dish
from tests.typing.shop.params import NewDish, Page
from tests.typing.shop.settings import ShopSettings

lib = Lib("shop-lib", version="1.0")


async def find_cheap(dishes: Collection[Dish], most: float) -> list[str]:
    return [dish.name for dish in await dishes.find({"price": {"$lte": most}})]


@init(order=10)
async def seed(app: AppContext) -> None:
    if not await app.db[Dish].exists({}):
        await app.db[Dish].insert({"name": app.settings[ShopSettings].title})


@init()
async def keep(app: AppContext) -> AsyncGenerator[None, None]:
    app.log.info("begin")
    yield
    app.log.info("end")


@cron("shop-tidy", Schedule(minute="*/5", timezone="Europe/Berlin"), misfire=All(3), max_total=2)
async def tidy(job: Job) -> None:
    removed: int = await job.db[Dish].delete_many({"price": 0})
    if job.stop_requested:
        raise JobStopped
    job.log.info("removed %d", removed)


@cron("shop-nightly", Schedule.crontab("0 3 * * 1"), misfire="skip", scope="server")
async def nightly(job: Job) -> None:
    print(job.slot.isoformat(), job.run_id, job.fence)


@command("dish create")
async def create(app: AppContext, *, name: str, count: int = 1) -> None:
    for number in range(count):
        await app.db[Dish].insert(Dish(name=f"{name} {number}"))


async def test_a_step() -> None:
    async with make_app("projects/demo", mongo="memory") as app:
        reply = await app.client.post("/shop/v1/dish", json={"name": "soup"})
        assert reply.status == 200
        dish: Dish = await create_dish(app.context(), body=NewDish(name="soup"), device=Device("x"))
        found: list[Dish] = await list_dishes(app.context(), query=Page(limit=3))
        assert dish in found
        await app.run_cron("shop-tidy")
