"""Groups and concerns on a real MongoDB that fails on demand: nothing is lost, doubled, or waited for without end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.monitoring import CommandListener

from core.data import connection as module
from core.data import embedded
from core.data.bulk import InsertOne, UpdateOne
from core.data.databases import Databases
from core.data.embedded import EmbeddedMongo
from core.errors import DuplicateKey, ModelError, NotConnected
from tests.contract.models import Item
from tests.mongo import opened

NOTHING_SAID = {"hello", "ismaster", "endSessions", "abortTransaction", "killCursors", "getMore"}


@pytest.fixture
def failing_url(own_root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A mongod with failpoints."""
    flags = (*embedded._FLAGS, "--setParameter", "enableTestCommands=1")
    monkeypatch.setattr(embedded, "_FLAGS", flags)
    mongo = EmbeddedMongo.start(own_root)
    yield mongo.url
    mongo.stop()


@contextmanager
def failing(url: str, times: int, **what: Any) -> Iterator[None]:
    """The next commands fail: `failCommands` with `errorCode`, `closeConnection`, `blockTimeMS`, …"""
    with MongoClient[dict[str, Any]](url) as client:
        point = {"configureFailPoint": "failCommand", "mode": {"times": times}, "data": {"appName": "catena", **what}}
        client.admin.command(point)
        yield
        client.admin.command("configureFailPoint", "failCommand", mode="off")


async def outcomes(*calls: Any) -> list[type]:
    return [type(one) for one in await asyncio.gather(*calls, return_exceptions=True)]


@pytest.mark.parametrize("fault", [{"closeConnection": True}, {"errorCode": 10107}], ids=["reset", "step-down"])
async def test_DB_1_what_fails_once_is_repeated_by_the_driver_and_nobody_sees_it(
    failing_url: str, fault: dict[str, Any]
) -> None:
    async with opened(failing_url, "once") as databases:
        await databases.ensure_collections([Item])
        items = databases[Item]
        labels = {} if "closeConnection" in fault else {"errorLabels": ["RetryableWriteError"]}
        for count in (1, 20):
            documents = [{"_id": f"{count}-{number}", "name": f"{count}-{number}"} for number in range(count)]
            with failing(failing_url, 1, failCommands=["insert"], **fault, **labels):
                assert await outcomes(*(items.insert(one) for one in documents)) == [Item] * count
            with failing(failing_url, 1, failCommands=["find"], **fault):
                assert await outcomes(*(items.get(one["_id"]) for one in documents)) == [Item] * count
        assert await items.count() == 21


@pytest.mark.parametrize("count", [1, 20])
async def test_rule_1_rule_8_a_group_whose_connection_breaks_is_unknown_to_all_and_never_sent_again(
    failing_url: str, count: int
) -> None:
    async with opened(failing_url, "broken") as databases:
        await databases.ensure_collections([Item])
        items = databases[Item]
        await items.count()
        with failing(failing_url, 2, failCommands=["insert"], closeConnection=True):
            assert await outcomes(*(items.insert({"name": f"n{n}"}) for n in range(count))) == [NotConnected] * count
        assert await items.count() == 0
        with failing(failing_url, 3, failCommands=["find"], closeConnection=True):
            assert await outcomes(*(items.get(number) for number in range(count))) == [NotConnected] * count


async def test_rule_1_an_unconfirmed_majority_is_unknown_to_all(failing_url: str) -> None:
    concern = {"code": 64, "errmsg": "waiting for replication timed out"}
    async with opened(failing_url, "concern") as databases:
        await databases.ensure_collections([Item])
        items = databases[Item]
        await items.insert({"name": "n0"})
        for count in (1, 5):
            with failing(failing_url, 1, failCommands=["insert"], writeConcernError=concern):
                calls = [items.insert({"name": f"{count}-{number}"}) for number in range(count)]
                assert await outcomes(*calls) == [NotConnected] * count
        with failing(failing_url, 1, failCommands=["insert"], writeConcernError=concern):
            assert await outcomes(items.insert({"name": "n0"}), items.insert({"name": "n1"})) == [NotConnected] * 2
        assert await outcomes(items.insert({"name": "n0"}), items.insert({"name": "n2"})) == [DuplicateKey, Item]


async def test_slow_reads_end_with_the_deadline_of_each_and_keep_their_connection(failing_url: str) -> None:
    async with opened(failing_url, "slow", operation_timeout_s=1) as databases:
        await databases[Item].insert({"_id": 1, "name": "a"})
        with failing(failing_url, 1, failCommands=["find"], blockConnection=True, blockTimeMS=700):
            started = time.monotonic()
            token = module.remaining_s  # the deadline of this test has none
            assert token() > 1000
            reads = [asyncio.ensure_future(databases[Item].get(number)) for number in (1, 2)]
            await asyncio.sleep(0.05)
            reads[0].cancel()
            assert await reads[1] is None
            assert 0.6 < time.monotonic() - started < 2
        with failing(failing_url, 1, failCommands=["find"], errorCode=50):
            assert await outcomes(databases[Item].get(1), databases[Item].get(2)) == [NotConnected] * 2


async def test_writes_that_hang_are_answered_with_the_time_of_an_operation(failing_url: str) -> None:
    """They have no `maxTimeMS`; all the same nobody waits longer than half a second more."""
    hanging = {"blockConnection": True, "blockTimeMS": 4000, "failCommands": ["insert", "update", "delete"]}
    async with opened(failing_url, "writes", operation_timeout_s=0.3) as databases:
        await databases.ensure_collections([Item])
        items = databases[Item]
        calls = [
            items.insert({"name": "a"}, coalesce=False),
            *(items.insert({"name": name}) for name in "bc"),
            items.insert_many([{"name": "d"}]),
            items.update_many({}, {"$set": {"rank": 1}}),
            items.replace({"name": "e"}, {"name": "e"}, upsert=True),
            items.delete_many({"name": "x"}),
            items.bulk_write([InsertOne({"name": "f"})]),
        ]
        with failing(failing_url, 7, **hanging):
            started = time.monotonic()
            assert await outcomes(*calls) == [NotConnected] * len(calls)
            assert time.monotonic() - started < 3.5
        await databases.connection("").drain(10)
        assert await items.count() == 6  # each ran to its end


class Listener(CommandListener):
    """Every command that was sent."""

    def __init__(self) -> None:
        self.commands: list[Any] = []

    def started(self, event: Any) -> None:
        self.commands.append(dict(event.command))

    def succeeded(self, event: Any) -> None: ...

    def failed(self, event: Any) -> None: ...


async def test_DB_3_every_write_and_read_is_by_majority_and_every_read_is_bounded(
    mongo_url: str, database_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = Listener()
    monkeypatch.setattr(module, "_FIXED", module._FIXED | {"event_listeners": [listener]})
    async with opened(mongo_url, database_name) as databases:
        await databases.ensure_collections([Item])
        for items in (databases[Item], databases.background[Item]):
            await use_every_verb(databases, items, "a" if items is databases[Item] else "b")
        async with databases.transaction():
            await databases[Item].insert({"name": "in a transaction"})
    seen = {next(iter(command)) for command in listener.commands}
    assert {"insert", "update", "delete", "findAndModify", "find", "aggregate", "distinct", "commitTransaction"} <= seen
    for command in listener.commands:
        kind = next(iter(command))
        if (
            "startTransaction" in command
            or kind in NOTHING_SAID
            or ("txnNumber" in command and "autocommit" in command)
        ):
            assert kind != "commitTransaction" or command["writeConcern"]["w"] == "majority"
        elif kind in {"insert", "update", "delete", "findAndModify", "createIndexes", "create"}:
            assert command["writeConcern"]["w"] == "majority", command
        elif kind in {"find", "aggregate", "distinct", "count"}:
            assert command["readConcern"]["level"] == "majority", command
        if kind in {"find", "aggregate", "distinct", "count", "findAndModify"} and "listIndexes" not in command:
            assert 0 < command["maxTimeMS"] <= 5000, command


async def use_every_verb(databases: Databases, items: Any, prefix: str) -> None:
    """One call of each verb of a collection."""
    first, second = await asyncio.gather(items.insert({"name": f"{prefix}1"}), items.insert({"name": f"{prefix}2"}))
    await items.insert({"name": f"{prefix}3"}, coalesce=False)
    await items.insert_many([{"name": f"{prefix}4"}])
    await asyncio.gather(items.get(first.oid), items.get(second.oid), items.find(limit=2), items.find(limit=2))
    await items.get(first.oid)
    await items.get(first.oid, coalesce=False)
    await items.find_one({"name": "x"})
    await items.count()
    await items.exists({"name": "x"})
    await items.distinct("name")
    await items.aggregate([{"$match": {}}])
    _ = [one async for one in items.iterate()]
    await items.update_one({"name": "x"}, {"$set": {"rank": 1}})
    await items.update_many({"name": "x"}, {"$set": {"rank": 1}})
    await items.replace({"name": "x"}, {"name": "y"})
    await items.find_one_and_update({"name": "x"}, {"$set": {"rank": 1}})
    await items.find_one_and_delete({"name": "x"})
    await items.bulk_write([InsertOne({"name": f"{prefix}5"}), UpdateOne({"name": "x"}, {"$set": {"rank": 1}})])
    await items.delete_one({"name": "x"})
    await items.delete_many({"name": "x"})


TEXTS = ["$secret", "$$ROOT", "$argon2id$v=19$m=8,t=1$c2FsdA$aGFzaA", "$$NOW", "{$literal: 1}", "$group"]


@pytest.mark.parametrize("text", TEXTS)
async def test_NOSQL_7_texts_that_look_like_expressions_are_stored_as_they_are(
    mongo_url: str, database_name: str, text: str
) -> None:
    async with opened(mongo_url, database_name) as databases:
        items = databases[Item]
        made = await items.insert({"name": "a", "group": "kept"})
        values = {"name": text, "group": text, "tags": [text], "data": {"a": text, "deep": [{"b": text}]}}
        for update in ({"$set": values}, [{"$set": {field: {"$literal": value} for field, value in values.items()}}]):
            await items.update_one({"_id": made.oid}, update)
            stored = await items.raw.find_one({"_id": made.oid})
            assert {field: stored[field] for field in values} == values
            await items.raw.update_one(
                {"_id": made.oid}, {"$set": {"name": "a", "group": "kept", "tags": [], "data": {}}}
            )
        for raw in ([{"$set": {"name": text}}], [{"$set": {"data": {"a": text}}}], [{"$replaceWith": "$$ROOT"}]):
            with pytest.raises(ModelError):
                await items.update_one({"_id": made.oid}, raw)
        assert await items.get_by("name", text) is None
