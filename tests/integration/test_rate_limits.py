"""Rate limits whose counters stand in a real MongoDB, over whole applications."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from core import RateLimit
from core.data.counters import MongoCounters
from core.data.databases import Databases
from core.serve.limits import Limiter
from core.settings import Mongo
from core.testing import make_app

FILES = {
    "controllers/c.py": """
from core import Context, Controller
from generic.libs.limited_key import LimitedKey

c = Controller("shop-c", group="shop")

@c.get
async def answer(ctx: Context) -> dict[str, str]:
    return {"a": "b"}

@c.action("who", provides=LimitedKey)
async def who(ctx: Context) -> LimitedKey | None:
    name = ctx.request.header("x-name")
    return LimitedKey(name, 1, 60) if name else None
""",
    "routes/r.py": """
from core import Path, RateLimit, Route, Routes, use

api = Routes(group="shop", prefix=["/a", "/b"], rate_limit=RateLimit(4, 60), paths=[
    Path("./one", get=Route("one", chain=[use("shop-c")], rate_limit=RateLimit(2, 60))),
    Path("./two", get=Route("two", chain=[use("shop-c")])),
    Path("/free", get=Route("free", chain=[use("shop-c", function="who"), use("generic-rateLimiter"), use("shop-c")])),
])
""",
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "shop" / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return tmp_path / "shop"


@asynccontextmanager
async def limiters(url: str, name: str, count: int):
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(count):
            databases = Databases({"main": Mongo(url=url, name=name, pool_wait_s=30)})  # however busy
            await databases.open()
            stack.push_async_callback(databases.close)
            found.append(Limiter(MongoCounters(databases), processes=count))
        yield found


async def test_RATE_1_e04_four_processes_admit_exactly_the_limit(
    mongo_url: str, database_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.serve.limits._ANSWER_S", 30)  # however busy the machine is
    async with limiters(mongo_url, database_name, 4) as four:
        calls = [four[number % 4].take("k", RateLimit(10, 60)) for number in range(50)]
        verdicts = await asyncio.gather(*calls)
        assert sum(verdict.allowed for verdict in verdicts) == 10
        assert all(50 < verdict.reset_s <= 64 for verdict in verdicts)
        large = await asyncio.gather(*(one.take("l", RateLimit(2000, 600)) for one in four for _ in range(700)))
        assert 1900 <= sum(verdict.allowed for verdict in large) <= 2000


async def test_RATE_5_who_waits_as_told_is_admitted_by_the_clock_of_the_database(
    mongo_url: str, database_name: str
) -> None:
    async with limiters(mongo_url, database_name, 1) as (limiter,):
        limit = RateLimit(2, 0.5)
        for _ in range(3):
            allowed = [(await limiter.take("k", limit)).allowed for _ in range(2)]
            refused = await limiter.take("k", limit)
            assert (allowed, refused.allowed) == ([True, True], False)
            assert refused.reset_s <= 0.55
            await asyncio.sleep(refused.reset_s + 0.03)  # a client that waits: the wait is what is tested


async def test_e02_limits_of_file_and_route_over_aliases_and_methods(shop: Path, mongo_url: str) -> None:
    async with make_app(shop, mongo=mongo_url) as app:
        replies = [await app.client.get(path) for path in ("/a/one", "/B/one/", "/a/one")]
        assert [reply.status for reply in replies] == [200, 200, 429]
        assert [reply.headers["x-rate-limit-remaining"] for reply in replies] == ["1", "0", "0"]
        assert replies[0].headers["ratelimit-policy"] == '"route";q=2;w=60'
        refused = replies[2]
        assert "RateLimitExceeded" in refused.text
        assert 1 <= int(refused.headers["retry-after"]) <= 63
        # the third one counted against the file before the route refused it
        assert [(await app.client.get("/b/two")).status for _ in range(2)] == [200, 429]
        assert "x-rate-limit-limit" not in (await app.client.get("/nowhere")).headers


async def test_a_key_of_the_authors_choice(shop: Path, mongo_url: str) -> None:
    shop_routes = shop / "routes" / "r.py"
    shop_routes.write_text(shop_routes.read_text().replace("rate_limit=RateLimit(4, 60), ", ""))
    async with make_app(shop, mongo=mongo_url) as app:
        named = [await app.client.get("/free", headers={"x-name": name}) for name in ("anna", "bea", "anna")]
        assert [reply.status for reply in named] == [200, 200, 429]
        assert "RateLimitExceededForKey" in named[2].text
        unnamed = [await app.client.get("/free") for _ in range(3)]
        assert [reply.status for reply in unnamed] == [200, 200, 200]


async def test_RATE_3_e03_a_database_that_is_gone_leaves_each_process_its_share() -> None:
    databases = Databases({"main": Mongo(url="mongodb://127.0.0.1:9/x", selection_timeout_s=0.1)})
    await databases.open()
    limiter = Limiter(MongoCounters(databases), processes=2)
    loop = asyncio.get_running_loop()
    try:
        verdicts = await asyncio.gather(*(limiter.take("k", RateLimit(10, 60)) for _ in range(30)))
        assert sum(verdict.allowed for verdict in verdicts) == 5
        started = loop.time()
        assert (await limiter.take("other", RateLimit(10, 60))).allowed
        assert loop.time() - started < 0.02
    finally:
        await databases.close()
