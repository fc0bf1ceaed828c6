"""Every verb of `Collection` that writes, indexes and clients, the same on both databases."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from bson import ObjectId
from pymongo import IndexModel

from core.data.bulk import DeleteMany, DeleteOne, InsertOne, ReplaceOne, UpdateMany, UpdateOne, WriteResult
from core.data.databases import Databases
from core.data.indexes import IndexChanges
from core.errors import DuplicateKey, ModelError, StoreError
from tests.contract.models import Item, fill, names


async def test_insert_gives_the_stored_document_with_defaults(db: Databases) -> None:
    made = await db[Item].insert({"name": "a"})
    assert isinstance(made, Item)
    assert isinstance(made.oid, ObjectId)
    assert (made.name, made.group, made.rank, made.status) == ("a", "demo", 0, "open")
    assert await db[Item].get(made.oid) == made


async def test_insert_takes_a_model_and_leaves_it_alone(db: Databases) -> None:
    given = Item(name="a", tags=["t"])
    made = await db[Item].insert(given)
    assert made == given
    assert made is not given


async def test_update_one(db: Databases) -> None:
    await fill(db)
    result = await db[Item].update_one({"name": "a"}, {"$set": {"status": "done"}, "$inc": {"rank": 2}})
    assert result == WriteResult(matched=1, modified=1)
    changed = await db[Item].get_by("name", "a")
    assert changed is not None
    assert (changed.status, changed.rank) == ("done", 7)
    assert await db[Item].update_one({"name": "z"}, {"$set": {"rank": 1}}) == WriteResult()


async def test_update_one_upserts(db: Databases) -> None:
    result = await db[Item].update_one({"name": "new"}, {"$set": {"rank": 1}}, upsert=True)
    assert result.matched == 0
    (oid,) = result.upserted
    assert isinstance(oid, ObjectId)
    made = await db[Item].get(oid)
    assert made is not None
    assert (made.name, made.rank, made.group) == ("new", 1, "demo")


async def test_update_many(db: Databases) -> None:
    await fill(db)
    assert await db[Item].update_many({"group": "x"}, {"$set": {"status": "done"}}) == WriteResult(
        matched=3, modified=3
    )
    assert await db[Item].count({"status": "done"}) == 3


@pytest.mark.parametrize(
    ("update", "expected"),
    [
        ({"$push": {"tags": "c"}}, ["a", "b", "c"]),
        ({"$addToSet": {"tags": "a"}}, ["a", "b"]),
        ({"$pull": {"tags": "a"}}, ["b"]),
        ({"$unset": {"tags": ""}}, []),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
async def test_update_operators_on_lists(db: Databases, update: dict[str, Any], expected: list[str]) -> None:
    await db[Item].insert(Item(name="a", tags=["a", "b"]))
    await db[Item].update_one({"name": "a"}, update)
    found = await db[Item].get_by("name", "a")
    assert found is not None
    assert found.tags == expected


@pytest.mark.parametrize(
    "update",
    [{"$set": {"status": "gone"}}, {"$set": {"rank": -1}}, {"$set": {"nothing": 1}}, {"$push": {"tags": {}}}],
    ids=["choice", "limit", "unknown field", "element"],
)
async def test_updates_are_checked_unless_told_otherwise(db: Databases, update: dict[str, Any]) -> None:
    await fill(db)
    with pytest.raises(ModelError):
        await db[Item].update_one({"name": "a"}, update)
    with pytest.raises(ModelError):
        await db[Item].update_many({}, update)
    with pytest.raises(ModelError):
        await db[Item].find_one_and_update({"name": "a"}, update)
    assert (await db[Item].update_one({"name": "a"}, update, validate=False)).modified == 1


@pytest.mark.parametrize(
    "update",
    [{"$set": {"rank": 1}, "$inc": {"rank": 1}}, {"$set": {"group": "x", "rank": 1}, "$setOnInsert": {"rank": 2}}],
    ids=["set and inc", "set and insert"],
)
async def test_a_field_is_changed_by_one_operator_only(db: Databases, update: dict[str, Any]) -> None:
    await fill(db)
    for write in (
        db[Item].update_one({"name": "a"}, update, upsert=True),
        db[Item].find_one_and_update({"name": "a"}, update),
        db[Item].bulk_write([UpdateOne({"name": "a"}, update)]),
    ):
        with pytest.raises(StoreError):
            await write


async def test_documents_are_checked_unless_told_otherwise(db: Databases) -> None:
    wrong = {"name": "a", "rank": "high", "status": "?"}
    with pytest.raises(ModelError) as caught:
        await db[Item].insert(wrong)
    assert {item.id for item in caught.value.errors} == {"rank", "status"}
    with pytest.raises(ModelError):
        await db[Item].insert_many([{"name": "fine"}, wrong])
    assert await db[Item].count() == 0
    made = await db[Item].insert(wrong, validate=False)
    assert made.rank == "high"


async def test_an_update_without_operators_is_refused(db: Databases) -> None:
    await fill(db)
    with pytest.raises((StoreError, ModelError)):
        await db[Item].update_one({"name": "a"}, {"name": "b"})
    with pytest.raises(StoreError):
        await db[Item].update_one({"name": "a"}, {"name": "b"}, validate=False)


async def test_replace_writes_unknown_fields_back(db: Databases) -> None:
    made = await db[Item].insert({"name": "a"})
    await db[Item].raw.update_one({"_id": made.oid}, {"$set": {"legacy": {"x": 1}}})
    read = await db[Item].get(made.oid)
    assert read is not None
    read.rank = 9
    assert await db[Item].replace({"_id": made.oid}, read) == WriteResult(matched=1, modified=1)
    stored = await db[Item].find({"_id": made.oid}, projection={"legacy": 1, "rank": 1})
    assert stored == [{"_id": made.oid, "rank": 9, "legacy": {"x": 1}}]


async def test_replace_by_a_dict_keeps_the_id(db: Databases) -> None:
    made = await db[Item].insert({"name": "a"})
    assert (await db[Item].replace({"name": "a"}, {"name": "b"})).modified == 1
    read = await db[Item].get(made.oid)
    assert read is not None
    assert read.name == "b"
    assert (await db[Item].replace({"name": "z"}, {"name": "z"}, upsert=True)).upserted


async def test_replace_by_a_new_object_keeps_the_id(db: Databases) -> None:
    made = await db[Item].insert({"name": "a"})
    assert (await db[Item].replace({"name": "a"}, Item(name="b"))).modified == 1
    assert (await db[Item].bulk_write([ReplaceOne({"name": "b"}, Item(name="c"))])).modified == 1
    read = await db[Item].get(made.oid)
    assert read is not None
    assert read.name == "c"
    with pytest.raises(StoreError, match="_id"):
        await db[Item].replace({"name": "c"}, Item(name="c", oid=ObjectId()))


async def test_delete(db: Databases) -> None:
    await fill(db)
    assert await db[Item].delete_one({"name": "a"}) == 1
    assert await db[Item].delete_one({"name": "a"}) == 0
    assert await db[Item].delete_many({"group": "x"}) == 2
    assert await db[Item].delete_many({}) == 2
    assert await db[Item].count() == 0


async def test_find_one_and_update(db: Databases) -> None:
    await fill(db)
    after = await db[Item].find_one_and_update({"group": "x"}, {"$inc": {"rank": 10}}, sort="rank")
    assert after is not None
    assert (after.name, after.rank) == ("c", 13)
    before = await db[Item].find_one_and_update({"name": "c"}, {"$set": {"rank": 0}}, before=True)
    assert before is not None
    assert before.rank == 13
    assert await db[Item].find_one_and_update({"name": "z"}, {"$set": {"rank": 0}}) is None
    made = await db[Item].find_one_and_update({"name": "z"}, {"$set": {"rank": 1}}, upsert=True)
    assert made is not None
    assert made.rank == 1


async def test_find_one_and_delete(db: Databases) -> None:
    await fill(db)
    gone = await db[Item].find_one_and_delete({"group": "x"}, sort="-rank")
    assert gone is not None
    assert gone.name == "a"
    assert not await db[Item].exists({"name": "a"})
    assert await db[Item].find_one_and_delete({"name": "z"}) is None


async def test_bulk_write(db: Databases) -> None:
    await fill(db)
    result = await db[Item].bulk_write(
        [
            InsertOne({"name": "f"}),
            InsertOne(Item(name="g")),
            UpdateOne({"name": "a"}, {"$set": {"rank": 50}}),
            UpdateMany({"group": "y"}, {"$set": {"status": "done"}}),
            UpdateOne({"name": "h"}, {"$set": {"rank": 1}}, upsert=True),
            ReplaceOne({"name": "b"}, {"name": "bb"}),
            DeleteOne({"name": "c"}),
            DeleteMany({"name": {"$in": ["f", "g"]}}),
        ]
    )
    assert result == WriteResult(inserted=2, matched=4, modified=4, deleted=3, upserted=result.upserted)
    assert [type(oid) for oid in result.upserted] == [ObjectId]
    assert sorted(await db[Item].distinct("name")) == ["a", "bb", "d", "e", "h"]
    assert await db[Item].bulk_write([]) == WriteResult()
    with pytest.raises(ModelError):
        await db[Item].bulk_write([UpdateOne({"name": "a"}, {"$set": {"rank": -1}})])


async def test_a_duplicate_names_its_index(db: Databases) -> None:
    items = db[Item]
    made = await items.insert({"name": "a"})
    await items.insert({"name": "b"})
    attempts = {
        "insert": lambda: items.insert({"name": "a"}),
        "insert_many": lambda: items.insert_many([{"name": "c"}, {"name": "a"}]),
        "update_one": lambda: items.update_one({"name": "b"}, {"$set": {"name": "a"}}),
        "replace": lambda: items.replace({"name": "b"}, {"name": "a"}),
        "find_one_and_update": lambda: items.find_one_and_update({"name": "b"}, {"$set": {"name": "a"}}),
        "bulk_write": lambda: items.bulk_write([InsertOne({"name": "a"})]),
    }
    for attempt in attempts.values():
        with pytest.raises(DuplicateKey) as caught:
            await attempt()
        assert caught.value.index == "name"
        assert caught.value.__cause__ is not None
    with pytest.raises(DuplicateKey) as caught:
        await items.insert({"_id": made.oid, "name": "z"})
    assert caught.value.index == "_id_"


@pytest.mark.parametrize(("ordered", "expected"), [(True, "ab"), (False, "abc")])
async def test_insert_many_in_order_stops_at_the_first_duplicate(db: Databases, ordered: bool, expected: str) -> None:
    await db[Item].insert({"name": "a"})
    with pytest.raises(DuplicateKey):
        await db[Item].insert_many([{"name": "b"}, {"name": "a"}, {"name": "c"}], ordered=ordered)
    assert names(await db[Item].find(sort="name")) == expected


async def test_insert_many_of_nothing(db: Databases) -> None:
    assert await db[Item].insert_many([]) == []


@pytest.mark.parametrize(
    "value", [2**63, object(), {1: 2}, "\ud800", {"a": {1, 2}}], ids=["int", "object", "key", "surrogate", "set"]
)
async def test_what_cannot_be_stored_is_said_readably(db: Databases, value: Any) -> None:
    with pytest.raises(StoreError) as caught:
        await db[Item].insert({"name": "a", "data": {"v": value}}, validate=False)
    assert "cannot be stored" in str(caught.value)
    with pytest.raises(StoreError):
        await db[Item].find({"data.v": value})


async def index_keys(db: Databases) -> dict[str, dict[str, Any]]:
    return {name: dict(index["key"]) for name, index in (await db[Item].raw.index_information()).items()}


async def test_indexes_exist_and_can_be_ensured_again(db: Databases) -> None:
    assert await db[Item].ensure_indexes() == IndexChanges([], [], [])
    assert await index_keys(db) == {"_id_": {"_id": 1}, "name": {"name": 1}, "grouprank": {"group": 1, "rank": -1}}


async def test_missing_indexes_are_created_and_unknown_ones_dropped_when_asked(db: Databases) -> None:
    await db[Item].raw.drop_index("name")
    await db[Item].raw.create_indexes([IndexModel("status", name="old")])
    assert await db[Item].ensure_indexes() == IndexChanges(["name"], [], [])
    assert set(await index_keys(db)) == {"_id_", "name", "grouprank", "old"}
    assert await db[Item].ensure_indexes(prune=True) == IndexChanges([], ["old"], [])
    assert set(await index_keys(db)) == {"_id_", "name", "grouprank"}


async def test_a_unique_index_over_duplicates_is_a_conflict_that_names_index_and_model(db: Databases) -> None:
    await db[Item].raw.drop_index("name")
    await db[Item].raw.insert_many([{"name": "a"}, {"name": "a"}])
    changes = await db[Item].ensure_indexes()
    assert (changes.created, changes.dropped) == ([], [])
    (conflict,) = changes.conflicts
    assert conflict.startswith("index 'name' of model Item cannot be built: ")
    assert conflict.endswith("stored documents share a value")
    assert list(changes.lines()) == [conflict]


async def test_concurrent_inserts_of_one_name_let_one_through(db: Databases) -> None:
    results = await asyncio.gather(*(db[Item].insert({"name": "a"}) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(result, Item) for result in results) == 1
    assert sum(isinstance(result, DuplicateKey) for result in results) == 19


async def test_the_background_client_sees_the_same_collection(db: Databases) -> None:
    made = await db[Item].insert({"name": "a"})
    assert await db.background[Item].get(made.oid) == made
    assert db[Item] is db[Item]
    assert db.background[Item] is db.background[Item]
    assert await db.state() == {"main": "up"}
