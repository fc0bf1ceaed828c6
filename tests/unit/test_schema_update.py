"""Update operators: values checked against the fields they change, dotted and positional paths included."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import pytest
from bson import Decimal128

from core.errors import ModelError
from core.schema.formats import Timestamp
from core.schema.model import Model
from core.schema.params import Params
from core.schema.rules import factory, rule
from core.schema.update import check_update

AT = datetime(2015, 1, 1, tzinfo=UTC)


class Item(Params):
    name: Annotated[str, rule(max_length=5)]
    count: int = 0
    note: str | None = None


class Thing(Model, identity="t-things"):
    name: Annotated[str, rule(max_length=8, convert="upper")]
    title: str = ""
    other: str = ""
    count: int = 0
    price: float = 0.0
    stamp: Timestamp | None = None
    at: datetime | None = None
    first: Item | None = None
    items: list[Item] = factory(list)
    tags: list[str] = factory(list)
    grid: list[list[int]] = factory(list)
    free: dict[str, Any] = factory(dict)
    anything: Any = None
    chosen: Annotated[dict[str, Any] | None, rule(extend=lambda value: Item)] = None


GOOD: list[tuple[dict[str, Any], dict[str, Any] | None]] = [
    ({"$set": {"name": "abc", "count": 5}}, {"$set": {"name": "ABC", "count": 5}}),
    ({"$set": {"_id": 5}}, None),
    ({"$set": {"at": None, "first": None}}, None),
    ({"$set": {"at": datetime(2015, 1, 1)}}, {"$set": {"at": AT}}),
    ({"$set": {"price": 1}}, {"$set": {"price": 1.0}}),
    ({"$set": {"first": Item(name="x")}}, {"$set": {"first": {"name": "x", "count": 0, "note": None}}}),
    ({"$set": {"first.name": "x", "items.0.name": "y", "items.$.name": "z"}}, None),
    ({"$set": {"items.$[].name": "x", "items.$[some].count": 1, "grid.0.1": 2}}, None),
    ({"$set": {"items.1": {"name": "x"}}}, {"$set": {"items.1": {"name": "x", "count": 0, "note": None}}}),
    ({"$set": {"free.a.b.0.c": {"d": 1}, "anything.x.$[y]": 1}}, None),
    ({"$set": {"chosen": {"name": "x"}, "chosen.name": "y"}}, {"$set": {"chosen": {"name": "x", "count": 0, "note": None}, "chosen.name": "y"}}),
    ({"$setOnInsert": {"_id": 1, "count": 1}}, None),
    ({"$unset": {"title": 1, "free.x": True}}, {"$unset": {"title": "", "free.x": ""}}),
    ({"$inc": {"count": 1, "price": 1, "free.n": 1.5, "stamp": 60}}, {"$inc": {"count": 1, "price": 1.0, "free.n": 1.5, "stamp": 60}}),
    ({"$mul": {"anything": Decimal128("1.5"), "count": 2}}, None),
    ({"$min": {"count": 1, "at": AT}, "$max": {"price": 2.5}}, None),
    ({"$push": {"tags": "x", "items": {"name": "x", "count": 0, "note": None}, "anything": 1}}, None),
    ({"$push": {"tags": {"$each": ["a", "b"], "$position": 0, "$slice": -5, "$sort": 1}}}, None),
    ({"$push": {"items": {"$each": [], "$sort": {"name": -1}}}}, None),
    ({"$addToSet": {"tags": "x", "grid": [1]}}, None),
    ({"$addToSet": {"tags": {"$each": ["x"]}}}, None),
    ({"$pull": {"tags": "x", "items": {"name": "x"}, "grid": {"$size": 0}}}, None),
    ({"$pull": {"tags": {"$in": ["x"]}, "items": {"name": {"$regex": "^a"}, "$or": []}}}, None),
    ({"$pull": {"items": Item(name="x")}}, {"$pull": {"items": {"name": "x", "count": 0, "note": None}}}),
    ({"$pullAll": {"tags": ["a", "b"]}}, None),
    ({"$pop": {"tags": 1, "anything": -1}}, None),
    ({"$currentDate": {"at": True, "anything": True}}, None),
    ({"$currentDate": {"at": {"$type": "date"}}}, None),
    ({"$rename": {"title": "other", "free.a": "free.b"}}, None),
    ({"$bit": {"count": {"and": 1, "or": 2}, "anything": {"xor": 1}}}, None),
    ({"$set": {}}, None),
]  # fmt: skip


@pytest.mark.parametrize(("update", "expected"), GOOD, ids=[str(row[0])[:50] for row in GOOD])
def test_update_is_checked_and_converted(update: dict[str, Any], expected: dict[str, Any] | None) -> None:
    checked = check_update(Thing, update)
    assert checked == (update if expected is None else expected)
    assert checked is not update


BAD: list[tuple[Any, str, str]] = [
    ({}, None, "an update needs at least one operator"),
    ([], None, "an update needs at least one operator"),
    ({"name": "x"}, "name", "name is no update operator; use operators: {'$set': …}"),
    ({"$where": {"name": 1}}, "$where", "$where is no update operator; known are $set $setOnInsert"),
    ({"$set": 5}, "$set", "$set needs fields and values"),
    ({"$set": {"nmae": 1}}, "nmae", "nmae is not declared"),
    ({"$set": {"first.nmae": 1}}, "first.nmae", "first.nmae is not declared"),
    ({"$set": {"count.x": 1}}, "count.x", "count.x is not declared"),
    ({"$set": {"items.name": "x"}}, "items.name", "items.name is not declared"),
    ({"$set": {"items.$x.name": "x"}}, "items.$x.name", "items.$x.name is not declared"),
    ({"$set": {"": 1}}, "Thing", "is not declared"),
    ({"$set": {"free..a": 1}}, "free..a", "free..a is not declared"),
    ({"$set": {"free.__proto__": 1}}, "free.__proto__", "free.__proto__ is not declared"),
    ({"$set": {"free.$where": 1}}, "free.$where", "free.$where is not declared"),
    ({"$set": {"free.a": {"$b": 1}}}, "free.a.$b", "free.a.$b is no name that a document may use"),
    ({"$set": {"name": ""}}, "name", "name is required but invalid value or no value given"),
    ({"$set": {"name": None}}, "name", "name is unexpected type. object given string expected"),
    ({"$set": {"name": "much too long"}}, "name", "name length is more than 8 chars"),
    ({"$set": {"count": "5"}}, "count", "count is unexpected type. string given integer expected"),
    ({"$set": {"items.0.name": "too long"}}, "items.0.name", "items.0.name length is more than 5 chars"),
    ({"$set": {"items": [{"name": "x"}, {}]}}, "items[2].name", "items[2].name is required"),
    ({"$set": {"first": {"name": "x", "y": 1}}}, "first.y", "first.y is not declared"),
    ({"$unset": {"name": ""}}, "name", "name is required and cannot be removed"),
    ({"$unset": {"items.0": ""}}, "items.0", "items.0 is required and cannot be removed"),
    ({"$unset": {"first.name": ""}}, "first.name", "first.name is required and cannot be removed"),
    ({"$unset": {"_id": ""}}, "_id", "_id can never change"),
    ({"$inc": {"title": 1}}, "title", "title is no number but string"),
    ({"$inc": {"count": 1.5}}, "count", "count is unexpected type. number given integer expected"),
    ({"$inc": {"price": "1"}}, "price", "price is unexpected type. string given number expected"),
    ({"$inc": {"anything": "1"}}, "anything", "anything is unexpected type. string given integer expected"),
    ({"$inc": {"count": Decimal128("1")}}, "count", "count is unexpected type. object given integer expected"),
    ({"$mul": {"tags": 2}}, "tags", "tags is no number but array"),
    ({"$push": {"title": "x"}}, "title", "title is no list but string"),
    ({"$push": {"tags": 5}}, "tags", "tags is unexpected type. number given string expected"),
    ({"$push": {"items": {"name": "x", "nmae": 1}}}, "items.nmae", "items.nmae is not declared"),
    ({"$push": {"tags": {"$each": "x"}}}, "tags", "tags takes a list as $each"),
    ({"$push": {"tags": {"$slice": 1}}}, "tags", "tags takes a list as $each"),
    ({"$push": {"tags": {"$each": ["x"], "$foo": 1}}}, "tags", "tags takes a list as $each"),
    ({"$push": {"tags": {"$each": ["x", 5]}}}, "tags", "tags[2] is unexpected type"),
    ({"$pull": {"tags": 5}}, "tags", "tags is unexpected type. number given string expected"),
    ({"$pull": {"items": {"nmae": "x"}}}, "items.nmae", "items.nmae is not declared"),
    ({"$pullAll": {"tags": "x"}}, "tags", "tags is unexpected type. string given array expected"),
    ({"$pullAll": {"tags": [5]}}, "tags", "tags[1] is unexpected type"),
    ({"$pop": {"tags": 2}}, "tags", "tags is popped by 1 (last) or -1 (first)"),
    ({"$pop": {"tags": True}}, "tags", "tags is popped by 1 (last) or -1 (first)"),
    ({"$rename": {"title": 5}}, "title", "title is not declared"),
    ({"$rename": {"name": "title"}}, "name", "name cannot be renamed to title"),
    ({"$rename": {"title": "count"}}, "title", "title cannot be renamed to count"),
    ({"$rename": {"title": "x"}}, "title", "title is not declared"),
    ({"$bit": {"title": {"and": 1}}}, "title", "title is no number but string"),
    ({"$bit": {"count": {"not": 1}}}, "count", "count takes and, or, xor with a number"),
    ({"$bit": {"count": {"and": 1.5}}}, "count", "count is unexpected type. number given integer expected"),
    ({"$currentDate": {"count": True}}, "count", "count is no date but integer"),
    ({"$currentDate": {"at": {"$type": "timestamp"}}}, "at", "at is set to now by true or {'$type': 'date'}"),
]  # fmt: skip


@pytest.mark.parametrize(("update", "id", "message"), BAD, ids=[str(row[0])[:50] for row in BAD])
def test_update_is_refused(update: Any, id: str | None, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        check_update(Thing, update)
    (error,) = caught.value.errors
    assert message in error.msg
    if id != "Thing":
        assert error.id == id


def test_everything_wrong_is_listed() -> None:
    with pytest.raises(ModelError) as caught:
        check_update(Thing, {"$set": {"x": 1, "count": "y"}, "$foo": {}, "$inc": {"title": 1}})
    assert [error.id for error in caught.value.errors] == ["x", "count", "$foo", "title"]


# Pipelines


@pytest.mark.parametrize("value", ["$secret", "$$ROOT", "$argon2id$v=19$m=1", "plain"])
def test_nosql_7_pipelines_store_literal_values_byte_for_byte(value: str) -> None:
    update = [{"$set": {"title": {"$literal": value}, "free.x": {"$literal": {"a": value}}}}, {"$unset": ["other"]}]
    assert check_update(Thing, update) == update


@pytest.mark.parametrize(
    "update",
    [
        [{"$set": {"title": "$secret"}}],
        [{"$set": {"title": {"$concat": ["$name"]}}}],
        [{"$set": {"title": {"$literal": 5}}}],
        [{"$set": {"nmae": {"$literal": "x"}}}],
        [{"$set": {"free": {"$literal": {"$a": 1}}}}],
        [{"$replaceWith": {"$literal": {}}}],
        [{"$project": {"title": 1}}],
        [{"$unset": ["name"]}],
        [{"$unset": ["nmae"]}],
        [{"$unset": 5}],
        [5],
    ],
    ids=str,
)
def test_nosql_7_everything_else_in_a_pipeline_is_refused(update: Any) -> None:
    with pytest.raises(ModelError):
        check_update(Thing, update)
