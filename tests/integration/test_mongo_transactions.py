"""Transactions: together or not at all, one call at a time, refused where they cannot hold."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from core.data.databases import Databases
from core.data.deadline import reset_deadline, set_deadline
from core.data.errors import NotSupported
from core.errors import DuplicateKey, ModelError, NotConnected, StoreError
from core.settings import Mongo
from tests.contract.models import Item, Sharded
from tests.mongo import eventually, opened


@pytest.fixture
def standalone_url(own_root: Path, mongod_binary: Path) -> Iterator[str]:
    """A server that is no replica set; it may not be up yet."""
    socket = own_root / "s.sock"
    command = [mongod_binary, "--dbpath", own_root, "--bind_ip", socket, "--unixSocketPrefix", own_root]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    yield f"mongodb://{str(socket).replace('/', '%2F')}"
    server.kill()
    server.wait()


@pytest.fixture
async def db(mongo_url: str, database_name: str) -> AsyncIterator[Databases]:
    """Two databases of one server."""
    databases = Databases({name: Mongo(url=mongo_url, name=f"{database_name}_{name}") for name in ("main", "other")})
    await databases.open()
    await databases.ensure_collections([Item, Sharded])
    yield databases
    await databases.raw().client.drop_database(f"{database_name}_main")
    await databases.close()


async def test_a_commit_spans_collections(db: Databases) -> None:
    async with db.transaction():
        await db[Item].insert({"name": "a"})
        await db[Sharded].insert({"region": "eu"})
        assert await db[Item].exists({"name": "a"})
    assert await db[Item].count() == 1
    assert await db[Sharded].count({"region": "eu"}) == 1


async def test_nothing_is_seen_outside_before_the_commit(db: Databases) -> None:
    async def outside() -> int:
        return await db[Item].raw.count_documents({})

    async with db.transaction():
        await db[Item].insert({"name": "a"})
        assert await outside() == 0
    assert await outside() == 1


async def test_an_error_undoes_everything(db: Databases) -> None:
    await db[Item].insert({"name": "a"})
    with pytest.raises(DuplicateKey):
        async with db.transaction():
            await db[Item].insert({"name": "b"})
            await db[Item].insert({"name": "a"})
    assert await db[Item].count() == 1


async def test_an_error_that_is_caught_inside_undoes_everything_too(db: Databases) -> None:
    await db[Item].insert({"name": "a"})
    with pytest.raises(NotConnected):
        async with db.transaction():
            await db[Item].insert({"name": "b"})
            with suppress(DuplicateKey):
                await db[Item].insert({"name": "a"})
    assert await db[Item].distinct("name") == ["a"]


async def test_cancelling_undoes_everything(db: Databases) -> None:
    inside = asyncio.Event()

    async def work() -> None:
        async with db.transaction():
            await db[Item].insert({"name": "a"})
            inside.set()
            for number in range(1000):
                await db[Item].insert({"name": f"n{number}"})

    task = asyncio.ensure_future(work())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await db[Item].count() == 0


async def test_every_verb_takes_part(db: Databases) -> None:
    await db[Item].insert_many([{"name": name} for name in "abcdefgh"])
    with pytest.raises(KeyError):
        async with db.transaction():
            items = db[Item]
            await items.update_one({"name": "a"}, {"$set": {"rank": 1}})
            await items.update_many({"name": "b"}, {"$set": {"rank": 1}})
            await items.replace({"name": "c"}, {"name": "c", "rank": 1})
            await items.delete_one({"name": "d"})
            await items.delete_many({"name": "e"})
            await items.find_one_and_update({"name": "f"}, {"$set": {"rank": 1}})
            await items.find_one_and_delete({"name": "g"})
            await items.insert_many([{"name": "i"}])
            assert await items.count({"rank": 1}) == 4
            assert len(await items.distinct("name")) == 6
            assert len(await items.aggregate([{"$match": {"rank": 1}}])) == 4
            assert [item.name async for item in items.iterate({"rank": 1}, sort="name")] == list("abcf")
            raise KeyError
    assert await db[Item].count() == 8
    assert await db[Item].count({"rank": 1}) == 0


async def test_calls_at_once_take_turns(db: Databases) -> None:
    async with db.transaction():
        await asyncio.gather(*(db[Item].insert({"name": f"n{number}"}) for number in range(5)))
        assert await db[Item].count() == 5
    assert await db[Item].count() == 5


async def test_a_call_that_still_runs_at_the_end_takes_part(db: Databases) -> None:
    async with db.transaction():
        task = asyncio.ensure_future(db[Item].insert({"name": "a"}))
        await asyncio.sleep(0)
    await task
    assert await db[Item].count() == 1


async def test_rule_6_no_call_of_a_transaction_joins_a_group(db: Databases) -> None:
    groups = db[Item].groups
    assert groups is not None
    with pytest.raises(KeyError):
        async with db.transaction():
            made = await db[Item].insert({"name": "a"})
            assert await asyncio.gather(*(db[Item].get(made.oid) for _ in range(3))) == [made] * 3
            assert await db[Item].find({"name": "a"}) == [made]
            raise KeyError
    assert not groups.sizes
    assert await db[Item].get(made.oid) is None


async def test_rule_4_what_a_transaction_holds_keeps_no_later_inserts_waiting(db: Databases) -> None:
    held, release = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with db.transaction():
            await db[Item].insert({"name": "held"})
            held.set()
            await release.wait()

    holder = asyncio.ensure_future(hold())
    await held.wait()
    waiting = []
    for _ in range(2):
        waiting.append(asyncio.ensure_future(db[Item].insert({"name": "held"})))
        await asyncio.sleep(0.01)  # each in a group of its own
    made = await asyncio.wait_for(db[Item].insert({"name": "free"}), 4)
    assert made.name == "free"
    assert not any(task.done() for task in waiting)
    release.set()
    await holder
    assert {type(one) for one in await asyncio.gather(*waiting, return_exceptions=True)} == {DuplicateKey}


async def test_nesting_is_refused(db: Databases) -> None:
    async with db.transaction():
        with pytest.raises(StoreError, match="cannot be nested"):
            async with db.transaction():
                pass


async def test_another_database_is_refused(db: Databases) -> None:
    async with db.transaction("other"):
        with pytest.raises(StoreError, match="on database 'other' cannot reach 'main'"):
            await db[Item].count()


async def test_the_background_client_is_refused(db: Databases) -> None:
    async with db.transaction():
        with pytest.raises(StoreError, match="background"):
            await db.background[Item].insert({"name": "a"})


async def test_a_write_conflict_says_try_again(db: Databases) -> None:
    await db[Item].insert({"name": "a"})
    with pytest.raises(NotConnected):
        async with db.transaction():
            await db[Item].count()
            await db[Item].raw.update_one({"name": "a"}, {"$set": {"rank": 5}})
            await db[Item].update_one({"name": "a"}, {"$set": {"rank": 6}})
    found = await db[Item].get_by("name", "a")
    assert found is not None
    assert found.rank == 5


@pytest.mark.parametrize("pipeline", [(), [{"$match": {"operationType": "insert"}}]], ids=["all", "some"])
async def test_changes_are_watched(db: Databases, pipeline: list[dict[str, object]]) -> None:
    seen = []

    async def follow() -> None:
        async for change in db[Item].watch(pipeline):
            seen.append(change["fullDocument"]["name"])
            if len(seen) == 2:
                return

    task = asyncio.ensure_future(follow())
    number = 0
    while not seen:  # the stream sees what happens after it is open
        await db[Item].insert({"name": f"n{number}"})
        number += 1
        await asyncio.sleep(0.05)
    await db[Item].insert({"name": "last"})
    await asyncio.wait_for(task, 10)
    assert len(seen) == 2


async def test_NOSQL_6_a_stream_runs_no_javascript(db: Databases) -> None:
    with pytest.raises(StoreError, match="JavaScript"):
        async for _ in db[Item].watch([{"$match": {"$expr": {"$function": {"body": "1", "args": [], "lang": "js"}}}}]):
            pass


async def test_memory_has_neither_transactions_nor_streams() -> None:
    databases = Databases({}, memory=True)
    await databases.open()
    with pytest.raises(NotSupported):
        async with databases.transaction():
            pass
    with pytest.raises(NotSupported):
        async for _ in databases[Item].watch():
            pass
    with pytest.raises(NotSupported):
        await databases[Item].update_one({}, [{"$set": {"rank": 1}}], validate=False)
    for filter in ({"$expr": {"$gt": ["$rank", 1]}}, {"$or": [{"$expr": True}]}):
        with pytest.raises(NotSupported):
            await databases[Item].find(filter)
    with pytest.raises(NotSupported):
        await databases[Item].aggregate([{"$project": {"now": "$$NOW"}}])
    await databases[Item].insert({"name": "a"})
    with pytest.raises(NotSupported):
        await databases[Item].find({"$text": {"$search": "a"}})
    for update in ({"$pop": {"lost": 1}}, {"$push": {"name": 1}}):  # the double trips over them
        with pytest.raises(NotSupported):
            await databases[Item].update_one({}, update, validate=False)
    await databases.close()


async def test_a_standalone_server_has_no_transactions(standalone_url: str) -> None:
    async with opened(standalone_url, "test") as databases:
        await eventually(databases, "up")
        await databases[Item].insert({"name": "a"})
        with pytest.raises(NotSupported, match="is no replica set"):
            async with databases.transaction():
                pass


async def test_a_task_that_outlives_its_transaction_works_without_it(db: Databases) -> None:
    go = asyncio.Event()

    async def later() -> int:
        await go.wait()
        return await db[Item].count()

    async with db.transaction():
        await db[Item].insert({"name": "a"})
        task = asyncio.ensure_future(later())
    go.set()
    assert await task == 1


async def test_the_first_error_wins_when_the_time_is_up_too(db: Databases) -> None:
    token = None
    with pytest.raises(KeyError):
        async with db.transaction():
            await db[Item].insert({"name": "a"})
            token = set_deadline(0)
            raise KeyError
    assert token is not None
    reset_deadline(token)
    assert await db[Item].count() == 0


async def test_pipeline_updates_store_literals_byte_for_byte(db: Databases) -> None:
    made = await db[Item].insert({"name": "a", "group": "secret"})
    for text in ("$group", "$$ROOT", "$argon2id$v=19"):
        await db[Item].update_one({"name": "a"}, [{"$set": {"group": {"$literal": text}}}])
        assert (await db[Item].find({"_id": made.oid}, projection={"group": 1, "_id": 0})) == [{"group": text}]
    with pytest.raises(ModelError):
        await db[Item].update_one({"name": "a"}, [{"$set": {"group": "$name"}}])
    await db[Item].update_one({"name": "a"}, [{"$set": {"group": "$name"}}], validate=False)
    assert await db[Item].exists({"group": "a"})


async def test_a_model_names_the_database_of_its_transaction(db: Databases) -> None:
    async with db.transaction(Item):
        await db[Item].insert({"name": "a"})
    assert await db[Item].count() == 1
