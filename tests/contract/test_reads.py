"""Every verb of `Collection` that reads, the same on both databases."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from bson import Decimal128, ObjectId

from core.data.databases import Databases
from core.errors import StoreError
from tests.contract.models import Item, Sharded, fill, names


async def test_get_of_an_unknown_id_is_none(db: Databases) -> None:
    assert await db[Item].get(ObjectId()) is None


async def test_get_by_a_unique_field(db: Databases) -> None:
    await fill(db)
    found = await db[Item].get_by("name", "c")
    assert found is not None
    assert found.rank == 3
    assert await db[Item].get_by("name", "nobody") is None


async def test_get_by_another_field_is_refused(db: Databases) -> None:
    with pytest.raises(StoreError, match="'group' is no unique field of Item"):
        await db[Item].get_by("group", "x")


@pytest.mark.parametrize("value", [{"$gt": ""}, {"$ne": None}, {}])
async def test_a_point_read_never_takes_an_operator(db: Databases, value: dict[str, Any]) -> None:
    await fill(db)
    with pytest.raises(StoreError, match="looked up by a value"):
        await db[Item].get(value)
    with pytest.raises(StoreError, match="looked up by a value"):
        await db[Item].get_by("name", value)


@pytest.mark.parametrize(
    ("filter", "options", "expected"),
    [
        (None, {"sort": "name"}, "abcde"),
        ({}, {"sort": "-name"}, "edcba"),
        ({"group": "x"}, {"sort": "rank"}, "cba"),
        ({}, {"sort": ["-group", "rank"]}, "edcba"),
        ({}, {"sort": "name", "limit": 2}, "ab"),
        ({}, {"sort": "name", "skip": 3}, "de"),
        ({}, {"sort": "name", "skip": 1, "limit": 2}, "bc"),
        ({"rank": {"$gte": 2, "$lt": 4}}, {"sort": "name"}, "cd"),
        ({"$or": [{"name": "a"}, {"rank": 1}]}, {"sort": "name"}, "ae"),
        ({"name": {"$in": ["b", "z"]}}, {}, "b"),
        ({"name": {"$regex": "^[ab]"}}, {"sort": "name"}, "ab"),
        ({"name": "nobody"}, {}, ""),
    ],
)
async def test_find(db: Databases, filter: Any, options: dict[str, Any], expected: str) -> None:
    await fill(db)
    assert names(await db[Item].find(filter, **options)) == expected


async def test_find_with_a_projection_gives_dicts(db: Databases) -> None:
    await fill(db)
    rows = await db[Item].find({"group": "y"}, projection={"name": 1, "_id": 0}, sort="name")
    assert rows == [{"name": "d"}, {"name": "e"}]
    (row,) = await db[Item].find({"name": "a"}, projection=["rank"])
    assert set(row) == {"_id", "rank"}


@pytest.mark.parametrize("options", [{"limit": -1}, {"skip": -1}, {"sort": ""}, {"sort": ["-"]}])
async def test_find_refuses_nonsense(db: Databases, options: dict[str, Any]) -> None:
    if options == {"sort": ""}:
        assert await db[Item].find(**options) == []
    else:
        with pytest.raises(StoreError):
            await db[Item].find(**options)


async def test_find_one_takes_the_first_in_order(db: Databases) -> None:
    await fill(db)
    found = await db[Item].find_one({"group": "x"}, sort="rank")
    assert found is not None
    assert found.name == "c"
    assert await db[Item].find_one({"name": "nobody"}) is None


async def test_iterate_in_batches(db: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.data.reads._BATCH", 2)
    await fill(db)
    seen = [item.name async for item in db[Item].iterate({}, sort="name")]
    assert seen == list("abcde")
    async for item in db[Item].iterate({}, sort="-name"):
        assert item.name == "e"
        break


async def test_iterate_stops_at_its_limit(db: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.data.reads._BATCH", 2)
    await fill(db)
    assert [item.name async for item in db[Item].iterate(sort="name", limit=3, skip=1)] == list("bcd")


async def test_count_exists_distinct(db: Databases) -> None:
    await fill(db)
    assert await db[Item].count() == 5
    assert await db[Item].count({"group": "x"}) == 3
    assert await db[Item].exists({"name": "a"})
    assert not await db[Item].exists({"name": "z"})
    assert sorted(await db[Item].distinct("group")) == ["x", "y"]
    assert sorted(await db[Item].distinct("rank", {"group": "y"})) == [1, 2]


async def test_aggregate(db: Databases) -> None:
    await fill(db)
    pipeline = [
        {"$match": {"rank": {"$gt": 1}}},
        {"$group": {"_id": "$group", "n": {"$sum": 1}, "top": {"$max": "$rank"}}},
        {"$sort": {"_id": 1}},
    ]
    assert await db[Item].aggregate(tuple(pipeline)) == [{"_id": "x", "n": 3, "top": 5}, {"_id": "y", "n": 1, "top": 2}]


@pytest.mark.parametrize(
    "value",
    [
        {"deep": [1, 2.5, None, True, {"x": "ü"}]},
        {"oid": ObjectId("6b0000000000000000000000"), "uuid": uuid.UUID(int=7), "dec": Decimal128("1.20")},
        {"big": 2**63 - 1, "bytes": b"\0\1"},
    ],
    ids=["nested", "bson types", "limits"],
)
async def test_values_come_back_as_they_were(db: Databases, value: dict[str, Any]) -> None:
    made = await db[Item].insert({"name": "a", "data": value})
    read = await db[Item].get(made.oid)
    assert read is not None
    assert read.data == value


async def test_times_are_aware_and_utc_to_the_millisecond(db: Databases) -> None:
    at = datetime(2026, 11, 21, 12, 0, 0, 123000, tzinfo=timezone(timedelta(hours=2)))
    made = await db[Item].insert({"name": "a", "created": at})
    read = await db[Item].get(made.oid)
    assert read is not None
    assert read.created == at
    assert read.created.utcoffset() == timedelta(0)
    assert await db[Item].exists({"created": {"$lte": datetime(2026, 11, 21, 10, 0, 1, tzinfo=UTC)}})


async def test_reading_never_validates(db: Databases) -> None:
    await db[Item].raw.insert_one({"_id": 7, "rank": "wrong", "more": 1})
    read = await db[Item].get(7)
    assert read is not None
    assert (read.rank, read.group, read.tags) == ("wrong", "demo", [])


@pytest.mark.parametrize(
    "filter", [{"$where": "1"}, {"a": [{"$function": {"body": ""}}]}, {"$or": ({"$where": "1"},)}, {1: 2}, {"a\0b": 1}]
)
async def test_javascript_and_odd_keys_are_refused(db: Databases, filter: Any) -> None:
    for call in (db[Item].find, db[Item].count, db[Item].delete_many, db[Item].find_one_and_delete):
        with pytest.raises(StoreError):
            await call(filter)
    with pytest.raises(StoreError):
        await db[Item].aggregate([{"$match": filter}])


async def test_queries_name_the_shard_key(db: Databases) -> None:
    made = await db[Sharded].insert({"region": "eu", "label": "a"})
    assert await db[Sharded].find_one({"region": "eu", "label": "a"}) == made
    assert await db[Sharded].across_shards().get(made.oid) == made
    assert await db[Sharded].across_shards().count({"label": "a"}) == 1
    for call in (db[Sharded].find, db[Sharded].count, db[Sharded].delete_many, db[Sharded].exists):
        with pytest.raises(StoreError, match="lacks region of its shard key"):
            await call({"label": "a"})
    with pytest.raises(StoreError, match="lacks region of its shard key"):
        await db[Sharded].update_one({"label": "a"}, {"$set": {"label": "b"}})
    with pytest.raises(StoreError, match="lacks region of its shard key"):
        await db[Sharded].get(made.oid)
