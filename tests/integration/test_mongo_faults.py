"""A database that is down, slow, frozen, killed, or out of connections: bounded answers, then recovery."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from core.data.databases import Databases
from core.data.deadline import reset_deadline, set_deadline
from core.data.embedded import EmbeddedMongo, prepare_home
from core.errors import ConfigError, NotConnected, StoreError
from core.settings import Mongo, Secret
from tests.contract.models import Item
from tests.mongo import eventually, mongod_pids, opened, wait_until

# Some 10^9 documents: minutes of work on the server, stopped by maxTimeMS.
SLOW: list[dict[str, Any]] = [
    {"$limit": 1},
    {"$project": {"x": {"$range": [0, 1_000_000]}}},
    {"$unwind": "$x"},
    {"$project": {"y": {"$range": [0, 1000]}}},
    {"$unwind": "$y"},
    {"$count": "n"},
]


@asynccontextmanager
async def prepared(url: str, name: str, **settings: Any) -> AsyncIterator[Databases]:
    """A database with an empty collection of items."""
    async with opened(url, name, **settings) as databases:
        await databases.ensure_collections([Item])
        yield databases


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    token = set_deadline(time.monotonic() + seconds)
    try:
        yield
    finally:
        reset_deadline(token)


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __call__(self) -> float:
        return time.monotonic() - self._start


def connections(url: str) -> dict[str, int]:
    with MongoClient(url) as client:
        counts: dict[str, int] = client.admin.command("serverStatus")["connections"]
        return counts


@pytest.mark.parametrize("coalesce", [True, False], ids=["together", "alone"])
async def test_DB_8_500_cancelled_requests_cost_no_connection(
    mongo_url: str, database_name: str, coalesce: bool
) -> None:
    async with prepared(mongo_url, database_name, pool_size=20, pool_wait_s=5, operation_timeout_s=20) as databases:
        items = databases[Item]
        made = await items.insert({"name": "a"})
        await asyncio.gather(*(items.get(made.oid, coalesce=False) for _ in range(500)))
        await asyncio.gather(*(items.insert({"name": f"w{i}"}, coalesce=False) for i in range(250)))
        before = connections(mongo_url)
        choose = random.Random(1)
        reads = [asyncio.ensure_future(items.get(made.oid, coalesce=coalesce)) for _ in range(250)]
        writes = [asyncio.ensure_future(items.insert({"name": f"n{i}"}, coalesce=coalesce)) for i in range(250)]
        for task in choose.sample(reads + writes, 500):
            if choose.random() < 0.2:
                await asyncio.sleep(0.001)
            task.cancel()
        await asyncio.gather(*reads, *writes, return_exceptions=True)
        assert any(task.cancelled() for task in reads)
        assert any(task.cancelled() for task in writes)
        connection = databases._connections["main"]
        await connection.drain(20)
        after = connections(mongo_url)
        assert after["totalCreated"] - before["totalCreated"] <= 5
        assert after["current"] <= before["current"] + 2
        assert not connection._calls


async def test_a_write_whose_caller_is_gone_still_finishes(mongo_url: str, database_name: str) -> None:
    async with prepared(mongo_url, database_name) as databases:
        tasks = [asyncio.ensure_future(databases[Item].insert({"name": f"n{i}"})) for i in range(20)]
        await asyncio.sleep(0)  # each has asked
        await asyncio.sleep(0)  # all were sent
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await databases._connections["main"].drain(10)
        assert await databases[Item].count() == 20


@pytest.mark.parametrize("way", ["iterate", "watch"])
async def test_DB_8_readers_that_leave_early_leave_no_cursor_behind(
    mongo_url: str, database_name: str, way: str
) -> None:
    async with prepared(mongo_url, database_name) as databases:
        items = databases[Item]
        await items.insert_many([{"name": f"n{number}"} for number in range(300)])

        async def read(stop_early: bool) -> None:
            async for _ in items.watch() if way == "watch" else items.iterate():
                if stop_early:
                    break

        before = open_cursors(mongo_url)
        readers = [asyncio.ensure_future(read(stop_early)) for _ in range(15) for stop_early in (True, False)]
        for reader in readers:
            await asyncio.sleep(0.001)
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        del reader, readers  # like those of requests, which nobody keeps
        await databases._connections["main"].drain(10)
        await asyncio.to_thread(wait_until, lambda: open_cursors(mongo_url) <= before, 5)


def open_cursors(url: str) -> int:
    with MongoClient(url) as client:
        total: int = client.admin.command("serverStatus")["metrics"]["cursor"]["open"]["total"]
        return total


async def test_DB_5_an_exhausted_pool_is_seen_from_outside(mongo_url: str, database_name: str) -> None:
    async with prepared(mongo_url, database_name, pool_size=2, operation_timeout_s=1.5) as databases:
        items = databases[Item]
        made = await items.insert({"name": "a"})
        slow = [asyncio.ensure_future(items.aggregate(SLOW)) for _ in range(2)]
        await asyncio.sleep(0.1)
        waiting = [asyncio.ensure_future(items.get(made.oid, coalesce=False)) for _ in range(5)]
        most = (0, 0)
        while not all(task.done() for task in waiting):
            await asyncio.sleep(0.005)
            most = max(most, databases.pools()["main", "requests"])
        results = await asyncio.gather(*slow, *waiting, return_exceptions=True)
        assert {type(result) for result in results} == {NotConnected}
        assert most == (2, 5)
        assert await items.get(made.oid) == made
        assert databases.pools()["main", "requests"] == (0, 0)


async def test_the_background_client_has_connections_of_its_own(mongo_url: str, database_name: str) -> None:
    async with prepared(mongo_url, database_name, pool_size=1, pool_wait_s=0.2, operation_timeout_s=1) as databases:
        made = await databases[Item].insert({"name": "a"})
        slow = asyncio.ensure_future(databases.background[Item].aggregate(SLOW))
        await asyncio.sleep(0.1)
        assert await databases[Item].get(made.oid) == made
        with pytest.raises(NotConnected):
            await slow


async def test_HTTP_15_background_work_that_has_every_connection_is_no_database_that_is_down(
    mongo_url: str, database_name: str
) -> None:
    async with prepared(mongo_url, database_name, operation_timeout_s=4) as databases:
        await databases[Item].insert({"name": "a"})
        slow = [asyncio.ensure_future(databases.background[Item].aggregate(SLOW)) for _ in range(10)]
        while databases.pools()["main", "background"][0] < 10:
            assert not any(task.done() for task in slow)
            await asyncio.sleep(0.01)
        databases._connections["main"]._probed_at = 0
        assert await databases.state() == {"main": "up"}
        assert not any(task.done() for task in slow)
        await asyncio.gather(*slow, return_exceptions=True)


async def test_no_operation_outlives_its_limit(mongo_url: str, database_name: str) -> None:
    async with prepared(mongo_url, database_name, operation_timeout_s=0.3) as databases:
        await databases[Item].insert({"name": "a"})
        created = connections(mongo_url)["totalCreated"]
        watch = Stopwatch()
        with pytest.raises(NotConnected) as caught:
            await databases[Item].aggregate(SLOW)
        assert watch() < 0.8
        assert caught.value.name == "main"
        assert connections(mongo_url)["totalCreated"] - created <= 5  # of this probe; ours is kept


async def test_a_deadline_bounds_every_call(mongo_url: str, database_name: str) -> None:
    async with prepared(mongo_url, database_name) as databases:
        await databases[Item].insert({"name": "a"})
        watch = Stopwatch()
        with deadline(0.3), pytest.raises(NotConnected):
            await databases[Item].aggregate(SLOW)
        assert watch() < 0.5
        with deadline(0), pytest.raises(NotConnected):
            await databases[Item].insert({"name": "b"})
        with deadline(0.02), pytest.raises(NotConnected):
            await databases[Item].count()
        assert await databases[Item].count() == 1


async def test_a_killed_mongod_answers_not_connected_and_comes_back(
    own_root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "catena.data")
    mongo = EmbeddedMongo.start(own_root)
    async with prepared(mongo.url, "test", selection_timeout_s=1) as databases:
        made = await databases[Item].insert({"name": "a"})
        assert mongo._keeper is not None
        mongo._keeper.kill()  # and its mongod with it
        wait_until(lambda: not mongod_pids(own_root))
        for call in (databases[Item].get(made.oid), databases[Item].insert({"name": "b"})):
            watch = Stopwatch()
            with pytest.raises(NotConnected):
                await call
            assert watch() < 5  # one second on a quiet machine; the driver's own limit is 30
        await eventually(databases, "down")
        mongo.stop()
        again = await asyncio.to_thread(EmbeddedMongo.start, own_root)
        watch = Stopwatch()
        await eventually(databases, "up")
        assert await databases[Item].get(made.oid) == made
        assert watch() < 15
        again.stop()
    assert "if the local mongod has ended, .data/mongod.log says why" in caplog.text
    actions = [record.action for record in caplog.records if hasattr(record, "action")]
    assert actions == ["db.up", "db.down", "db.up"]


async def test_a_frozen_mongod_answers_not_connected_and_comes_back(own_root: Path) -> None:
    mongo = EmbeddedMongo.start(own_root)
    async with prepared(mongo.url, "test", selection_timeout_s=1, operation_timeout_s=0.5) as databases:
        made = await databases[Item].insert({"name": "a"})
        (pid,) = mongod_pids(own_root)
        os.kill(pid, signal.SIGSTOP)
        try:
            watch = Stopwatch()
            with pytest.raises(NotConnected):
                await databases[Item].get(made.oid)
            with pytest.raises(NotConnected):
                await databases[Item].update_one({"name": "a"}, {"$set": {"rank": 1}})
            assert watch() < 8
            await eventually(databases, "down")
        finally:
            os.kill(pid, signal.SIGCONT)
        await eventually(databases, "up")
        assert await databases[Item].exists({"name": "a"})
    mongo.stop()


async def test_a_database_that_is_down_at_start_is_retried(own_root: Path, caplog: pytest.LogCaptureFixture) -> None:
    url = prepare_home(own_root).url.replace("/?", "/test?")
    watch = Stopwatch()
    async with prepared(url, "test", selection_timeout_s=0.5) as databases:
        assert watch() < 5
        assert await databases.state() == {"main": "down"}
        with pytest.raises(NotConnected):
            await databases[Item].count()
        mongo = await asyncio.to_thread(EmbeddedMongo.start, own_root)
        await eventually(databases, "up")
        watch = Stopwatch()
        while "name" not in await databases.background[Item].raw.index_information():
            assert watch() < 15
            await asyncio.sleep(0.05)
    mongo.stop()
    assert "database 'main' is down" in caplog.text
    assert "retrying" in caplog.text


async def test_state_asks_once_a_second_however_many_want_to_know(mongo_url: str, database_name: str) -> None:
    async with prepared(mongo_url, database_name) as databases:
        connection = databases._connections["main"]
        asked = 0
        ask = connection._ask

        async def counted() -> bool:
            nonlocal asked
            asked += 1
            return await ask()

        connection._ask = counted
        connection._probed_at = 0
        states = await asyncio.gather(*(databases.state() for _ in range(50)))
        assert states == [{"main": "up"}] * 50
        await databases.state()
        assert asked == 1


async def test_closing_waits_for_writes_under_way(mongo_url: str, database_name: str) -> None:
    async with prepared(mongo_url, database_name) as databases:
        task = asyncio.ensure_future(databases[Item].insert({"name": "a"}))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
    with MongoClient(mongo_url) as client:
        assert client[database_name].items.count_documents({}) == 1
    with pytest.raises(StoreError):
        await databases[Item].count()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"main": Mongo()}, "databases.main.url: needs the address"),
        ({"main": Mongo(url=Secret("mongo://u:geheim@h"))}, "databases.main.url: is not a usable"),
        ({"main": Mongo(url="mongodb://u:geheim@h:x/")}, "databases.main.url: is not a usable"),
    ],
    ids=["local", "scheme", "port"],
)
async def test_a_wrong_address_is_a_setting_error_without_the_password(
    settings: dict[str, Mongo], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        await Databases(settings).open()
    assert "geheim" not in f"{caught.value!r} {caught.value.__cause__!r}"
