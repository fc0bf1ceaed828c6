"""Sections: absence and defaults, nested objects, ids of errors, bodies, `public`, `virtual`, `extend`, instances."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, Literal

import pytest

from core.errors import ErrorItem
from core.schema.fields import read_fields
from core.schema.params import Params, compile_body, compile_field, given
from core.schema.rules import factory, rule
from tests.schemas import params, run, value_of


class Color(Enum):
    RED = "red"
    BLUE = "blue"


def text(**rules: Any) -> Any:
    return Annotated[str, rule(**rules)]


def whole(**rules: Any) -> Any:
    return Annotated[int, rule(**rules)]


# Absence


def test_absent_values_take_the_default_and_required_ones_are_reported() -> None:
    cls = params(a=str, b=(int, 5), c=(list[str], factory(list)), d=(str | None, None), e=(text(convert="upper"), "x"))
    made, errors = run(cls, {})
    assert made is None
    assert errors == [
        ErrorItem("MissingRequiredParameter", "a is required but invalid value or no value given", "a", "body")
    ]
    made, _ = run(cls, {"a": "x"})
    assert (made.b, made.c, made.d, made.e) == (5, [], None, "X")


@pytest.mark.parametrize(
    ("annotation", "raw", "code"),
    [
        ((text(required=True), "x"), {}, None),
        ((text(required=True), ""), {}, "MissingRequiredParameter"),
        ((Annotated[str | None, rule(required=True)], None), {}, "MissingRequiredParameter"),
        ((Annotated[str | None, rule(required=True)], None), {"a": None}, None),
        ((Annotated[str | None, rule(nullable=False)], None), {}, None),
        ((Annotated[str | None, rule(nullable=False)], None), {"a": None}, "UnexpectedType"),
        ((Annotated[str, rule(nullable=True)], "x"), {"a": None}, None),
        ((str, "x"), {"a": ""}, None),
        ((str, "x"), {"a": None}, "UnexpectedType"),
    ],
)
def test_required_and_nullable(annotation: Any, raw: dict[str, Any], code: str | None) -> None:
    _, errors = run(params(a=annotation), raw)
    assert [error.code for error in errors] == ([code] if code else [])


def test_val_9_defaults_are_never_shared() -> None:
    cls = params(a=(list[str], factory(list)), b=(dict[str, Any], factory(dict)))
    first, _ = run(cls, {})
    first.a.append("x")
    first.b["x"] = 1
    second, _ = run(cls, {})
    assert (second.a, second.b) == ([], {})
    assert cls().a is not cls().a


def test_val_9_checks_change_neither_input_nor_schema() -> None:
    cls = params(a=text(convert="upper"), b=(list[int], factory(list)), c=(Any, None))
    raw = {"a": "x", "b": ["1"], "c": {"d": [1]}, "more": 1}
    before, fields = repr(raw), repr(read_fields(cls))
    for _ in range(50):
        made, _ = run(cls, raw)
        assert (made.a, made.b) == ("X", [1])
    assert repr(raw) == before
    assert repr(read_fields(cls)) == fields


# Objects and lists of objects


class Os(Params):
    type: Literal["ios", "android"]
    version: Annotated[str, rule("Version", max_length=5)] = "1"


class Device(Params):
    os: Os
    name: str = ""


class Item(Params):
    name: Annotated[str, rule(min_length=2)]
    tags: list[int] = factory(list)


class Node(Params):
    name: str
    children: list[Node] = factory(list)


class Order(Params):
    device: Device
    items: list[Item] = factory(list)


def test_ids_are_dotted_paths_with_the_index_and_the_parent() -> None:
    raw = {
        "device": {"os": {"type": "mac", "version": "123456"}},
        "items": [{"name": "ok"}, {"name": "x", "tags": [1, "y"]}, None, {}],
    }
    _, errors = run(Order, raw)
    assert [(error.id, error.msg.split(" ")[0], error.code) for error in errors] == [
        ("device.os.type", "device.os.type", "ValueNotAllowed"),
        ("device.os.version", "device.os.version", "MaxLengthExceeded"),
        ("items[2].name", "items[2].name", "MinLengthUnderachieved"),
        ("items[2].tags", "items[2].tags[2]", "UnexpectedType"),
        ("items[3]", "items[3]", "UnexpectedType"),
        ("items[4].name", "items[4].name", "MissingRequiredParameter"),
    ]


@pytest.mark.parametrize("raw", ["x", 1, None, [], [{}]], ids=repr)
def test_val_5_an_object_is_nothing_else(raw: Any) -> None:
    _, errors = run(Order, {"device": raw})
    assert [(error.code, error.id) for error in errors] == [("UnexpectedType", "device")]


def test_lists_of_lists_name_the_inner_list() -> None:
    assert value_of(list[list[whole(max=1)]], [[1], [0, 2]]) == ErrorItem(
        "MaxValueExceeded", "a[2][2] value is more than 1", "a[2]", "body"
    )


def test_a_missing_object_is_one_error() -> None:
    _, errors = run(Order, {})
    assert [(error.code, error.id) for error in errors] == [("MissingRequiredParameter", "device")]


def test_unknown_fields_are_removed_at_every_level() -> None:
    made, _ = run(Order, {"x": 1, "device": {"y": 2, "os": {"type": "ios", "z": 3}}})
    assert made.__wire__() == {"device": {"os": {"type": "ios", "version": "1"}, "name": ""}, "items": []}


def test_classes_may_contain_themselves() -> None:
    made, _ = run(Node, {"name": "a", "children": [{"name": "b", "children": [{"name": "c"}]}]})
    assert made.children[0].children[0].name == "c"
    deep: dict[str, Any] = {}
    for _ in range(30):
        deep = {"name": "x", "children": [deep, deep]} if not deep else {"name": "x", "children": [deep]}
    _, errors = run(Node, deep)
    assert len(errors) == 2  # one per object without a name, however deep


def test_errors_of_a_list_are_bounded() -> None:
    _, errors = run(Order, {"device": {"os": {"type": "ios"}}, "items": [{}] * 10_000})
    assert len(errors) == 100


def test_forms_have_objects_too() -> None:
    errors: list[ErrorItem] = []
    made = compile_body(Order, text=True)[0]({"device": {"os": {"type": "ios"}}, "items": {"0": 1}}, errors)
    assert made is None
    assert errors[0].msg == "items is unexpected type. object given array expected"


# Bodies


def test_body_of_a_list() -> None:
    check, fields = compile_body(list[Item])
    errors: list[ErrorItem] = []
    assert [item.name for item in check([{"name": "ab"}], errors)] == ["ab"]
    assert [field.wire for field in fields] == ["name", "tags"]
    check([{"name": "ab"}, {}], errors)
    check({}, errors)
    assert [(error.id, error.msg) for error in errors] == [
        ("[2].name", "[2].name is required but invalid value or no value given"),
        ("body", "body is unexpected type. object given array expected"),
    ]


def test_body_of_anything() -> None:
    check, fields = compile_body(dict[str, Any])
    errors: list[ErrorItem] = []
    assert check({"a": 1}, errors) == {"a": 1}
    assert fields == ()
    assert check([], errors) is None
    assert errors[0].msg == "body is unexpected type. object given object expected"


def test_body_of_params_as_json_and_as_form() -> None:
    check, _ = compile_body(Item)
    form, _ = compile_body(Item, text=True)
    errors: list[ErrorItem] = []
    assert check({"name": 12}, errors).name == "12"
    assert form({"name": "12", "tags": "3"}, errors).tags == [3]
    assert errors == []
    check("x", errors)
    assert [error.id for error in errors] == ["body"]


def test_headers_get_hyphens() -> None:
    cls = params(if_match=(str | None, None), culture_code=(Annotated[str | None, rule(name="culture.code")], None))
    made, _ = run(cls, {"if-match": "x", "culture.code": "de"}, "header")
    assert (made.if_match, made.culture_code) == ("x", "de")
    assert given(made) == {"if-match": "x", "culture.code": "de"}


def test_any_mapping_will_do() -> None:
    class Headers(Mapping):
        def __getitem__(self, name):
            return {"a": "x"}[name]

        def __iter__(self):
            return iter(["a"])

        def __len__(self):
            return 1

    made, _ = run(params(a=str), Headers(), "header")
    assert made.a == "x"


def test_single_fields_are_checked_for_settings() -> None:
    (field,) = read_fields(params(a=(whole(min=1), 5)))
    errors: list[ErrorItem] = []
    assert compile_field(field)("7", errors) == 7
    assert compile_field(field)(0, errors) is None
    assert errors == [ErrorItem("MinValueUnderachived", "a value is less than 1", "a")]


# public, virtual, extend


def test_public_without_set_discards_what_is_given() -> None:
    cls = params(a=(text(public=False), "own"), b=text(public={"set": False}, max_length=1), c=(str, ""))
    made, errors = run(cls, {"a": "given", "b": "long", "c": "x"})
    assert errors == []
    assert (made.a, made.b, made.c) == ("own", None, "x")
    assert given(made) == {"c": "x"}


def test_public_without_get_is_checked_and_dropped() -> None:
    cls = params(a=(text(public={"get": False}, max_length=3), "own"), b=text(public={"get": False}))
    made, errors = run(cls, {"a": "abcd", "b": "x"})
    assert [error.code for error in errors] == ["MaxLengthExceeded"]
    made, _ = run(cls, {"a": "abc", "b": "x"})
    assert (made.a, made.b) == ("own", None)
    assert given(made) == made.__wire__() == {}
    assert repr(made) == "Given()"


def split(value: Any) -> dict[str, Any]:
    language, _, region = value.partition("-")
    return {"this": language, "region": region, "device.os": region, "device.name": "n", "other": 1}


def test_virtual_gives_values_unless_the_caller_did() -> None:
    cls = params(
        code=text(virtual=split, max_length=2),
        region=(text(public={"set": False}), ""),
        device=(dict[str, Any], factory(dict)),
    )
    raw = {"code": "de-at", "device": {"os": "mine"}}
    made, errors = run(cls, raw)
    assert errors == []
    assert (made.code, made.region, made.device) == ("de", "at", {"os": "mine", "name": "n"})
    assert raw == {"code": "de-at", "device": {"os": "mine"}}
    assert given(made)["region"] == "at"
    scalar, _ = run(cls, {"code": "de-at", "device": "x", "region": "discarded"})
    assert scalar is None


def test_what_a_default_of_a_virtual_field_gives_was_not_sent() -> None:
    cls = params(
        code=(Annotated[str, rule(virtual=split)], "de-at"), region=(text(public={"set": False}), ""), name=str
    )
    made, errors = run(cls, {"name": "x"})
    assert (errors, made.code, made.region) == ([], "de", "at")
    assert given(made) == {"name": "x"}
    made, _ = run(cls, {"name": "x", "code": "fr-ch"})
    assert given(made) == {"code": "fr", "region": "ch", "name": "x"}


def test_virtual_runs_for_present_values_and_constant_defaults() -> None:
    seen: list[Any] = []

    def note(value: Any) -> Any:
        seen.append(value)
        return "nothing"

    cls = params(
        a=(text(virtual=note), "x"),
        b=(Annotated[str | None, rule(virtual=note)], None),
        c=(Annotated[list[str], rule(virtual=note)], factory(list)),
    )
    run(cls, {})
    run(cls, {"a": "y"})
    run(cls, "no object")
    assert seen == ["x", "y"]


def test_virtual_runs_for_a_value_that_another_one_gave() -> None:
    cls = params(
        a=(Annotated[str | None, rule(virtual=lambda value: {"b": value * 2})], None),
        b=(Annotated[str | None, rule(virtual=lambda value: {"c": value * 2})], None),
        c=(str, ""),
    )
    made, errors = run(cls, {"a": "x"})
    assert (errors, made.b, made.c) == ([], "xx", "xxxx")


def test_virtual_that_cannot_make_sense_of_a_value_is_an_error_of_the_field() -> None:
    cls = params(a=text(virtual=lambda value: {"b": value["x"]}), b=(int, 1), c=int)
    _, errors = run(cls, {"a": "text"})
    assert [(error.code, error.id) for error in errors] == [("UnexpectedType", "a")]


def test_failures_of_author_code_are_not_hidden() -> None:
    def fail(value: Any) -> Any:
        raise RuntimeError(value)

    with pytest.raises(RuntimeError):
        run(params(a=text(virtual=fail)), {"a": "x"})
    with pytest.raises(RuntimeError):
        run(params(a=Annotated[dict[str, Any], rule(extend=fail)]), {"a": {}})


def choose(value: Any) -> type[Params]:
    return {"item": Item, "os": Os}[value["kind"]]


def test_extend_chooses_the_class_by_the_value() -> None:
    cls = params(a=Annotated[dict[str, Any], rule(extend=choose)])
    made, _ = run(cls, {"a": {"kind": "item", "name": "ab"}})
    assert made.a == Item(name="ab")
    _, errors = run(cls, {"a": {"kind": "os"}})
    assert [(error.code, error.id) for error in errors] == [("MissingRequiredParameter", "a.type")]
    _, errors = run(cls, {"a": {"kind": "other"}})
    assert [error.msg for error in errors] == ["a is unexpected type. object given object expected"]


# Instances


def test_constructor_applies_defaults_and_checks_nothing() -> None:
    item = Item(name=1)  # type: ignore[arg-type]
    assert (item.name, item.tags) == (1, [])
    assert item == Item(name=1)  # type: ignore[arg-type]
    assert item != Item(name="b")
    assert item != Device(os=Os(type="ios"))
    assert repr(Os(type="ios")) == "Os(type='ios', version='1')"
    with pytest.raises(TypeError, match="Item needs name"):
        Item()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="Item has no field 'nam'"):
        Item(nam="x")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        hash(item)


def test_given_is_what_was_sent_under_stored_names() -> None:
    cls = params(
        last=Annotated[int, rule(name="lastModified")], color=(Color, Color.RED), device=(Device | None, None),
        items=(list[Item], factory(list)), colors=(list[Color], factory(list)),
    )  # fmt: skip
    raw = {
        "lastModified": 1,
        "device": {"os": {"type": "ios"}},
        "items": [{"name": "ab", "x": 1}],
        "color": "blue",
        "colors": ["red"],
    }
    made, _ = run(cls, raw)
    assert given(made) == {
        "lastModified": 1, "color": "blue", "device": {"os": {"type": "ios"}}, "items": [{"name": "ab"}], "colors": ["red"],
    }  # fmt: skip
    assert made.__wire__()["device"] == {"os": {"type": "ios", "version": "1"}, "name": ""}
    assert made.__wire__()["colors"] == ["red"]
    assert given(cls(last=2)) == {"lastModified": 2}
    assert given(run(cls, {"lastModified": 3})[0]) == {"lastModified": 3}


def test_instances_are_accepted_where_code_gives_them() -> None:
    made, errors = run(Order, {"device": Device(os=Os(type="ios")), "items": [Item(name="ab")]})
    assert errors == []
    assert made.device == Device(os=Os(type="ios"))
