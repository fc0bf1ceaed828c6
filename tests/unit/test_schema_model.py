"""Documents: to and from what is stored, and what may be stored at all."""

from __future__ import annotations

import uuid
from copy import copy
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from typing import Annotated, Any, Literal

import bson
import pytest
from bson import Decimal128, Int64, ObjectId
from bson.codec_options import CodecOptions

from core.errors import ErrorItem, ModelError
from core.schema.formats import Email
from core.schema.formats import ObjectId as Oid
from core.schema.model import Model, check_document
from core.schema.params import Params, given
from core.schema.rules import factory, now, rule
from tests.schemas import model

CODEC: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, uuid_representation=4)
AT = datetime(2015, 1, 1, tzinfo=UTC)


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Item(Params):
    name: str
    color: Color = Color.RED
    note: Annotated[str | None, rule(nullable=False)] = None


class Todo(Model, identity="todos-model", collection="demo-todos"):
    name: Annotated[str, rule("Name", unique=True, max_length=8, convert="trim")]
    count: int = 0
    price: float = 0.0
    color: Color = Color.BLUE
    created: datetime = factory(now)
    last_modified: Annotated[datetime | None, rule(name="lastModified")] = None
    secret: Annotated[str | None, rule(public=False)] = None
    first: Item | None = None
    items: list[Item] = factory(list)
    colors: list[Color] = factory(list)
    mail: Annotated[Email | None, rule(nullable=False)] = None
    owner: Oid | None = None
    free: dict[str, Any] = factory(dict)
    anything: Any = None


def refused(raw: Any, cls: type[Model] = Todo) -> list[tuple[str | None, str]]:
    with pytest.raises(ModelError) as caught:
        check_document(cls, raw)
    return [(item.id, item.code) for item in caught.value.errors]


def test_an_object_becomes_a_document_and_an_object_again() -> None:
    todo = Todo(
        name="milk", first=Item(name="a"), items=[Item(name="b", color=Color.BLUE)], colors=[Color.RED], created=AT
    )
    document = todo.__dump__()
    assert document == {
        "_id": todo.oid, "name": "milk", "count": 0, "price": 0.0, "color": "blue", "created": AT,
        "lastModified": None, "secret": None, "first": {"name": "a", "color": "red"},
        "items": [{"name": "b", "color": "blue"}], "colors": ["red"], "owner": None, "free": {}, "anything": None,
    }  # fmt: skip
    assert check_document(Todo, document) == document
    assert Todo.__load__(document) == todo
    assert check_document(Todo, todo) == document  # type: ignore[arg-type]


def test_reading_never_validates_and_gives_defaults() -> None:
    todo = Todo.__load__(
        {"name": 5, "color": "green", "items": [1, {"name": "x", "color": "red"}], "first": "?", "colors": None}
    )
    assert (todo.name, todo.color, todo.count, todo.free) == (5, "green", 0, {})
    assert todo.items == [1, Item(name="x")]  # type: ignore[list-item]
    assert todo.first == "?"
    assert todo.colors is None
    assert isinstance(todo.oid, ObjectId)
    assert Todo.__load__({"items": "?", "color": [1]}).items == "?"
    assert Todo.__load__({"items": "?", "first": "?", "colors": "?"}).__dump__()["items"] == "?"


def test_unknown_stored_fields_are_kept_and_written_back() -> None:
    stored = {
        "_id": 1,
        "name": "x",
        "old": {"$odd": 1},
        "first": {"name": "y", "more": 2},
        "items": [{"name": "z", "more": 3}],
    }
    todo = Todo.__load__(stored)
    assert todo._unknown == {"old": {"$odd": 1}}
    todo.name = "new"
    written = check_document(Todo, todo.__dump__())
    assert (written["old"], written["name"]) == ({"$odd": 1}, "new")
    assert written["first"] == {"name": "y", "color": "red", "more": 2}
    assert written["items"][0]["more"] == 3
    assert "old" not in todo.__wire__()


def test_a_copy_has_fields_of_its_own_and_shares_what_is_nested() -> None:
    todo = Todo.__load__({"_id": ObjectId(), "name": "milk", "old": 1})
    other = copy(todo)
    other.name = "bread"
    assert (todo.name, other.oid, other._unknown, other.__dump__()["old"]) == ("milk", todo.oid, {"old": 1}, 1)
    assert given(other) == given(todo) | {"name": "bread"}
    assert copy(Todo(name="milk")).__dump__().keys() == Todo(name="milk").__dump__().keys()


def test_unknown_fields_of_requests_are_not_kept() -> None:
    from tests.schemas import run

    item, _ = run(Item, {"name": "x", "more": 1})
    assert check_document(Todo, Todo(name="a", first=item).__dump__())["first"] == {"name": "x", "color": "red"}


def test_unknown_fields_of_a_new_document_are_listed() -> None:
    assert refused({"name": "x", "nmae": 1, "first": {"name": "x", "b": 1}}) == [
        ("first.b", "AdditionalParamsNotAllowed"),
        ("nmae", "AdditionalParamsNotAllowed"),
    ]


def test_every_broken_rule_is_listed() -> None:
    with pytest.raises(ModelError) as caught:
        check_document(Todo, {"name": "much too long", "count": "5", "items": [{}]})
    assert caught.value.errors == (
        ErrorItem("MaxLengthExceeded", "name length is more than 8 chars", "name", "Todo"),
        ErrorItem("UnexpectedType", "count is unexpected type. string given integer expected", "count", "Todo"),
        ErrorItem("MissingRequiredParameter", "items[1].name is required but invalid value or no value given", "items[1].name", "Todo"),
    )  # fmt: skip


def test_a_document_is_filled_and_converted() -> None:
    checked = check_document(Todo, {"name": " a ", "created": datetime(2015, 1, 1, 0, 0, 0, 1999), "price": 1})  # naive
    assert checked["name"] == "a"
    assert checked["created"] == AT.replace(microsecond=1000)
    assert type(checked["price"]) is float
    assert isinstance(checked["_id"], ObjectId)
    assert "mail" not in checked  # absent is not null
    assert checked["lastModified"] is None
    zoned = datetime(2015, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert check_document(Todo, {"name": "a", "created": zoned})["created"] == AT


def test_a_missing_document_is_no_document() -> None:
    assert refused("x") == [("Todo", "UnexpectedType")]
    assert refused({}) == [("name", "MissingRequiredParameter")]


STRICT: list[tuple[Any, Any, bool]] = [
    (str, "x", True), (str, 1, False), (str, "\ud800", False), (str, "é", True),
    (int, 1, True), (int, "1", False), (int, 1.0, False), (int, True, False), (int, 2**63, False), (int, Int64(5), True),
    (float, 1, True), (float, 1.5, True), (float, "1", False), (float, True, False), (float, float("nan"), False),
    (float, 10**400, False), (bool, True, True), (bool, "true", False), (bool, 1, False),
    (datetime, AT, True), (datetime, "2015-01-01", False), (datetime, 1420070400000, False),
    (datetime, datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2))), False),
    (Oid, ObjectId(), True), (Oid, "0123456789abcdef01234567", False), (Email, "a@b.de", True), (Email, "a", False),
    (list[int], [1], True), (list[int], (1,), True), (list[int], 1, False), (list[int], ["1"], False),
    (Literal["a", "b"], "a", True), (Literal["a", "b"], "c", False), (Literal[1], 1, True), (Literal[1], "1", False),
    (Color, Color.RED, True), (Color, "red", True), (Color, "green", False),
    (Item, Item(name="x"), True), (Item, {"name": "x"}, True), (Item, {"name": 1}, False), (Item, "x", False),
    (dict[str, Any], {"a": 1}, True), (dict[str, Any], [], False),
    (Any, b"x", True), (Any, uuid.uuid4(), True), (Any, Decimal128("1.5"), True), (Any, ObjectId(), True), (Any, [None, AT, 1.5], True),
    (Any, object(), False), (Any, {1, 2}, False), (Any, 2**63, False), (Any, "\ud800", False), (Any, 1 + 2j, False),
    (Any, [datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2)))], False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("annotation", "value", "fits"), STRICT, ids=[f"{n}-{type(row[1]).__name__}" for n, row in enumerate(STRICT)]
)
def test_val_6_documents_are_strict_and_always_encode(annotation: Any, value: Any, fits: bool) -> None:
    cls = model(a=annotation)
    if fits:
        bson.encode(check_document(cls, {"a": value}), codec_options=CODEC)
    else:
        assert refused({"a": value}, cls)


ODD_KEYS = ["$set", "$", "a.b", "", "a\0b", "__proto__", "constructor", "prototype", "\ud800", 5]


@pytest.mark.parametrize("key", ODD_KEYS, ids=repr)
@pytest.mark.parametrize(
    "wrap", [lambda d: d, lambda d: {"x": d}, lambda d: {"x": [1, {"y": d}]}], ids=["top", "deep", "list"]
)
def test_nosql_3_reserved_keys_are_refused_at_any_depth(key: Any, wrap: Any) -> None:
    for field in ("free", "anything"):
        ((path, code),) = refused({"name": "x", field: wrap({key: 1})})
        assert code == "ValueNotAllowed"
        assert path is not None
        assert path.startswith(field)


def test_nosql_3_names_the_path_of_the_key() -> None:
    with pytest.raises(
        ModelError, match=r"free\.x\[2\]\.\$set: free\.x\[2\]\.\$set is no name that a document may use"
    ):
        check_document(Todo, {"name": "x", "free": {"x": [1, {"$set": 1}]}})


def test_nosql_3_top_level_operators_are_unknown_fields() -> None:
    assert refused({"name": "x", "$where": "1"}) == [("$where", "AdditionalParamsNotAllowed")]


def test_depth_of_free_values_is_bounded() -> None:
    deep: Any = 1
    for _ in range(200):
        deep = [deep]
    assert refused({"name": "x", "anything": deep})[0][1] == "ValueNotAllowed"


def test_free_values_are_copied_and_normalised() -> None:
    free = {"at": datetime(2015, 1, 1), "n": (1, 2), "c": {"d": True}}
    checked = check_document(Todo, {"name": "x", "free": free})["free"]
    assert checked == {"at": AT, "n": [1, 2], "c": {"d": True}}
    assert checked is not free
    nested = Item(name="y")
    assert Todo(name="x", anything=nested).__dump__()["anything"] == {"name": "y", "color": "red"}


def test_only_public_fields_leave_the_server() -> None:
    todo = Todo(name="x", secret="s", items=[Item(name="a")])
    assert "secret" not in todo.__wire__()
    assert "'s'" not in repr(todo)
    assert todo.__wire__()["items"] == [{"name": "a", "color": "red", "note": None}]
    assert check_document(Todo, todo.__dump__())["secret"] == "s"


def test_ids_may_be_of_any_type() -> None:
    class Named(Model, identity="t-named"):
        oid: str
        name: str = ""

    assert Named.collection == "t-named"
    assert Todo.collection == "demo-todos"


class Slug(Model, identity="t-slug"):
    oid: str


def test_an_overridden_id_has_no_default() -> None:
    assert refused({}, Slug) == [("_id", "MissingRequiredParameter")]
    assert Slug(oid="a").__dump__() == {"_id": "a"}
    with pytest.raises(TypeError, match="Slug needs oid"):
        Slug()  # type: ignore[call-arg]


def test_models_compare_by_value() -> None:
    assert Slug(oid="a") == Slug(oid="a")
    assert Slug(oid="a") != Slug(oid="b")
    with pytest.raises(TypeError):
        hash(Slug(oid="a"))
    assert given(Slug(oid="a")) == {"_id": "a"}


def choose(value: Any) -> type[Params]:
    return Item


class Odd(Model, identity="t-odd"):
    a: Annotated[dict[str, Any], rule(extend=choose)]
    code: Annotated[str, rule(virtual=lambda value: {"upper": value.upper()}, public={"set": False})] = "x"
    upper: str = ""
    made: list[str] = factory(lambda: ["a"])
    bad: list[int] = factory(lambda: [1])


def test_extend_and_virtual_work_in_documents() -> None:
    checked = check_document(Odd, {"a": {"name": "n"}, "code": "de"})
    assert (checked["a"], checked["upper"], checked["made"]) == ({"name": "n", "color": "red"}, "DE", ["a"])
    assert refused({"a": {"x": 1}}, Odd) == [
        ("a.name", "MissingRequiredParameter"),
        ("a.x", "AdditionalParamsNotAllowed"),
    ]


class Tree(Model, identity="t-tree"):
    name: str
    children: list[Branch] = factory(list)


class Branch(Params):
    name: str
    children: list[Branch] = factory(list)


def test_documents_may_contain_themselves() -> None:
    stored = {"_id": 1, "name": "a", "children": [{"name": "b", "children": [{"name": "c", "children": []}]}]}
    assert Tree.__load__(stored).__dump__() == stored
    assert check_document(Tree, stored) == stored
    assert Tree.__load__(stored).children[0].children[0] == Branch(name="c")


def test_a_class_that_is_used_after_its_base_keeps_its_own_fields() -> None:
    class Base(Params):
        a: int = 1

    class More(Base):
        b: int = 2

    assert Base().__wire__() == {"a": 1}
    assert More().__wire__() == {"a": 1, "b": 2}
    assert Base().__dump__() == {"a": 1}
    assert More().__dump__() == {"a": 1, "b": 2}
    assert (Base.__load__({}).a, More.__load__({"b": 3}).b) == (1, 3)
