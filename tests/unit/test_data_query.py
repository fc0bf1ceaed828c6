"""Filters and sorts before they reach the driver; the driver's form of bulk operations; client settings."""

from __future__ import annotations

import random
from typing import Any

import pymongo
import pytest

from core.data import bulk
from core.data.connection import build_options
from core.data.filter import check_filter, parse_sort
from core.errors import StoreError
from core.settings import Mongo


@pytest.mark.parametrize(
    "filter", [{}, {"a": {"$gt": 1}}, {"$or": [{"a": 1}, {"$expr": {"$gt": ["$a", 1]}}]}, [{"$match": {}}], {"a": None}]
)
def test_operators_written_in_code_pass(filter: Any) -> None:
    check_filter(filter)


@pytest.mark.parametrize(
    "filter",
    [
        {"$where": "true"},
        {"a": {"b": [{"$where": 1}]}},
        [{"$group": {"_id": {"$function": {}}}}],
        {"$expr": {"$accumulator": {}}},
        ({"mapReduce": "x"},),
        {1: 1},
        {None: 1},
        {"a\0": 1},
        {"a": ({"b\0c": 1},)},
        {"a": {"b": 1}, "c": [{"d": 1}, {"e": {"$where": "1"}}]},
    ],
)
def test_javascript_and_odd_keys_are_refused_at_any_depth(filter: Any) -> None:
    with pytest.raises(StoreError):
        check_filter(filter)


def test_NOSQL_4_a_planted_key_is_found_wherever_it_stands() -> None:
    """1,000 filters of random shape with one forbidden key at a random place, and the same without it."""
    chance = random.Random(4)
    for _ in range(1000):
        places: list[Any] = []
        value = grow(chance, 0, places)
        check_filter(value)
        place = chance.choice(places)
        if isinstance(place, list):
            place.append({"$where": "1"})
        else:
            place["$where"] = "1"
        with pytest.raises(StoreError):
            check_filter(value)


def grow(chance: random.Random, depth: int, places: list[Any]) -> Any:
    """A dict or list of random shape; `places` are all containers in it."""
    size = chance.randint(0, 4) if depth < 5 else 0
    inner = [grow(chance, depth + 1, places) if chance.random() < 0.6 else 1 for _ in range(size)]
    made: Any = inner if depth and chance.random() < 0.4 else {f"k{number}": item for number, item in enumerate(inner)}
    places.append(made)
    return made


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (None, None),
        ("", None),
        ([], None),
        ("name", [("name", 1)]),
        ("-name", [("name", -1)]),
        (["-a.b", "c"], [("a.b", -1), ("c", 1)]),
    ],
)
def test_sorts(sort: Any, expected: Any) -> None:
    assert parse_sort(sort) == expected


@pytest.mark.parametrize("sort", ["-", ["a", ""], ["a", "-"]])
def test_a_sort_without_a_name_is_refused(sort: Any) -> None:
    with pytest.raises(StoreError):
        parse_sort(sort)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (bulk.InsertOne({"a": 1}), pymongo.InsertOne({"a": 1})),
        (bulk.UpdateOne({"a": 1}, {"$inc": {"a": 1}}), pymongo.UpdateOne({"a": 1}, {"$inc": {"a": 1}}, upsert=False)),
        (
            bulk.UpdateMany({}, {"$set": {"a.$[x]": 1}}, upsert=True, array_filters=[{"x": 1}]),
            pymongo.UpdateMany({}, {"$set": {"a.$[x]": 1}}, upsert=True, array_filters=[{"x": 1}]),
        ),
        (bulk.ReplaceOne({"a": 1}, {"b": 1}, upsert=True), pymongo.ReplaceOne({"a": 1}, {"b": 1}, upsert=True)),
        (bulk.DeleteOne({"a": 1}), pymongo.DeleteOne({"a": 1})),
        (bulk.DeleteMany({}), pymongo.DeleteMany({})),
    ],
    ids=lambda value: type(value).__name__,
)
def test_bulk_operations(operation: bulk.Operation, expected: Any) -> None:
    assert bulk.to_driver(operation) == expected


def test_clients_write_and_read_by_majority_with_bounded_waits() -> None:
    options = build_options(Mongo(pool_size=7, selection_timeout_s=3, pool_wait_s=0.2, operation_timeout_s=2))
    assert options["w"] == options["readConcernLevel"] == "majority"
    assert options["maxConnecting"] == 10
    assert options["retryWrites"] is options["retryReads"] is options["tz_aware"] is True
    assert options["serverSelectionTimeoutMS"] == 3000
    assert options["waitQueueTimeoutMS"] == 100  # twice
    assert options["wTimeoutMS"] == 2000
    assert options["socketTimeoutMS"] == 3000
    assert options["maxPoolSize"] == 7
