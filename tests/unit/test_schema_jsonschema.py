"""The documentation tells the truth: what a schema admits the check accepts, what it forbids the check refuses."""

from __future__ import annotations

import json
import re
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from core.schema import formats
from core.schema.fields import Upload, read_fields
from core.schema.jsonschema import Components, build_field_schema, build_model_schema, build_object_schema
from core.schema.model import Model
from core.schema.params import Params, compile_section
from core.schema.rules import factory, rule
from tests.schemas import params


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Inner(Params):
    b: int
    c: Annotated[str, rule(max_length=40)] = ""


class Node(Params):
    name: str = ""
    children: list[Node] = factory(list)


KINDS: dict[str, Any] = {
    "text": str,
    "text-max": Annotated[str, rule(max_length=64)],
    "text-short": Annotated[str, rule(max_length=4)],
    "text-long": Annotated[str, rule(min_length=3, max_length=6)],
    "text-match": Annotated[str, rule(match="^[a-f]+")],
    "text-match-flag": Annotated[str, rule(match=re.compile("^[A-F]+", re.IGNORECASE))],
    "text-match-digits": Annotated[str, rule(match="^[a-z0-9.+-]+")],
    "text-allow": Annotated[str, rule(allow=["x", "Yz", 2, "true"])],
    "text-allow-max": Annotated[str, rule(allow=["x", "long"], max_length=2)],
    "text-deny": Annotated[str, rule(deny=["x", 7])],
    "text-trim": Annotated[str, rule(convert="trim")],
    "text-several": Annotated[str, rule(allow_multiple=["x", "y"])],
    "integer": int,
    "integer-range": Annotated[int, rule(min=1, max=200)],
    "integer-min": Annotated[int, rule(min=-3)],
    "integer-allow": Annotated[int, rule(allow=[1, 2])],
    "number": float,
    "number-range": Annotated[float, rule(min=0.5, max=12)],
    "boolean": bool,
    "date": datetime,
    "choice": Literal["x", "y"],
    "choice-number": Literal[1, 2],
    "choice-flag": Literal[True],
    "enum": Color,
    "timestamp": formats.Timestamp,
    "safe": formats.SafeInt,
    "ipv4": formats.IPv4,
    "cidr": formats.CIDRv4,
    "objectid": formats.ObjectId,
    "map": dict[str, Any],
    "any": Any,
    "list": list[int],
    "list-rule": Annotated[list[str], rule(max_length=2)],
    "object": Inner,
    "objects": list[Inner],
}
VALUES: list[Any] = [
    None, True, False, 0, 1, 2, 3, 5, 7, -1, -5, 200, 201, 12345, 1.5, 0.5, 12.0, 2**63 - 1, -(2**63), 1e300, 1e21, 5e-324,
    "", " ", "x", "X", "yz", "y", "x,y", "x,z", "abc", "abcd", "abcdefg", "long", "0", "1", "2", "200", "201", "-2", "-4", "12", "0.5",
    "true", "false", "TRUE", "red", "2015-01-01", "2015-01-01T00:00:00Z", "foo", 1420070400, 1420070400000, 10**16, "1420070400",
    "1.2.3.4", "10.0.0.0/8", "0123456789abcdef01234567", [], [1], ["1"], ["x"], ["abc"], [[]], {}, {"b": 1}, {"b": "x"}, {"c": ""},
    [{"b": 1}], [{}], [None], {"$a": 1} and {"a": 1},
]  # fmt: skip
# What the check takes in addition, and a schema cannot say.
LENIENT = re.compile(r"\s|^\+|e|^[+-]?\d*\.|\d{16,}|^-?0\d|^0{9,}|^\.", re.IGNORECASE)


def schema_of(annotation: Any, *, text: bool = False) -> dict[str, Any]:
    components = Components()
    (field,) = read_fields(params(a=annotation))
    schema = build_field_schema(field, text=text, components=components)
    return {**schema, "components": {"schemas": dict(components)}}


def validator(schema: dict[str, Any]) -> Any:
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def admits(check: Any, value: Any) -> bool:
    errors: list[Any] = []
    check({"a": value}, errors)
    return not errors


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("nullable", [False, True], ids=["", "nullable"])
def test_schema_and_check_agree_and_only_rules_may_narrow_the_schema(name: str, nullable: bool) -> None:
    annotation = KINDS[name] | None if nullable else KINDS[name]
    documented, check = validator(schema_of(annotation)), compile_section(params(a=annotation), "body")
    for value in VALUES:
        if documented.is_valid(value) != admits(check, value):
            narrower = "-" in name or name == "any" or (isinstance(value, str) and LENIENT.search(value))
            assert narrower and not documented.is_valid(value), (value, documented.schema)


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=40, deadline=None)
@drawn(
    value=st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8)
    )
)
def test_whatever_a_schema_admits_is_accepted(name: str, value: Any) -> None:
    documented = validator(schema_of(KINDS[name]))
    if documented.is_valid(value) and not (isinstance(value, str) and value.endswith("\n")):
        assert admits(compile_section(params(a=KINDS[name]), "body"), json.loads(json.dumps(value)))


TEXT_TYPES = {
    "text": {"type": "string", "minLength": 1},
    "integer": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1, "format": "int64"},
    "integer-range": {"type": "integer", "minimum": 1, "maximum": 200, "format": "int64"},
    "number-range": {"type": "number", "minimum": 0.5, "maximum": 12},
    "boolean": {"type": "boolean"},
    "choice": {"type": "string", "enum": ["x", "y"]},
    "integer-allow": {"enum": ["1", "2"]},
    "date": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]},
    "list": {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1, "format": "int64"}},
    "timestamp": {"type": "integer", "minimum": 10**9, "maximum": 10**10 - 1, "format": "int64"},
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in TEXT_TYPES if name != "integer-allow"])
def test_parameters_are_described_by_the_type_they_stand_for(name: str) -> None:
    (field,) = read_fields(params(a=KINDS[name]))
    assert build_field_schema(field, text=True, components=Components()) == TEXT_TYPES[name]


def test_objects_become_components_once() -> None:
    components = Components()
    cls = params(first=Inner, second=(Inner | None, None), tree=(Node | None, None), many=(list[Inner], factory(list)))
    schema = build_object_schema(cls, components=components)
    assert schema == {"$ref": "#/components/schemas/Given"}
    assert build_object_schema(cls, components=components) == schema
    assert {"Given", "Inner", "Node"} <= set(components)
    given = components["Given"]
    assert given["required"] == ["first"]
    assert given["properties"]["second"] == {"anyOf": [{"$ref": "#/components/schemas/Inner"}, {"type": "null"}]}
    assert components["Node"]["properties"]["children"]["items"] == {"$ref": "#/components/schemas/Node"}
    form = build_object_schema(cls, text=True, components=components)
    assert form == {"$ref": "#/components/schemas/GivenForm"}
    assert components["InnerForm"]["properties"]["b"]["type"] == "integer"


def test_classes_of_one_name_get_names_of_their_own() -> None:
    components = Components()
    names = [build_object_schema(params(a=int), components=components)["$ref"][21:] for _ in range(3)]
    assert names == ["Given", "Given2", "Given3"]


def test_description_default_and_access() -> None:
    cls = params(
        a=(Annotated[int, rule("How many")], 5), b=(Annotated[str, rule(public={"get": False})], "x"),
        c=(Annotated[str, rule(public={"set": False})], "x"), d=(Color, Color.RED), e=(datetime, datetime(2015, 1, 1)),
        f=(list[str], factory(list)), g=(Annotated[str | None, rule(required=True)], None), h=Upload,
        i=Annotated[dict[str, Any], rule(extend=lambda value: Inner)],
    )  # fmt: skip
    components = Components()
    build_object_schema(cls, components=components)
    schema = components[cls.__name__]
    properties = schema["properties"]
    assert (properties["a"]["description"], properties["a"]["default"]) == ("How many", 5)
    assert properties["b"]["writeOnly"] is True
    assert "c" not in properties
    assert properties["d"]["default"] == "red"
    assert properties["e"]["default"] == "2015-01-01T00:00:00"
    assert "default" not in properties["f"]
    assert properties["h"] == {"type": "string", "format": "binary"}
    assert properties["i"] == {"type": "object"}
    assert schema["required"] == ["g", "h", "i"]
    build_object_schema(Node, components=(components := Components()))
    assert "required" not in components["Node"]


class Stored(Model, identity="t-stored-json"):
    name: Annotated[str, rule("Name", max_length=3)]
    at: datetime | None = None
    color: Color = Color.RED
    mail: formats.Email = ""
    many: list[Inner] = factory(list)
    free: dict[str, Any] = factory(dict)
    secret: Annotated[str, rule(public={"get": False})] = ""


def test_answers_are_described_by_their_types() -> None:
    components = Components()
    assert build_model_schema(Stored, components) == {"$ref": "#/components/schemas/StoredAnswer"}
    schema = components["StoredAnswer"]
    assert schema["required"] == ["_id", "name", "at", "color", "mail", "many", "free"]
    assert schema["properties"]["name"] == {"type": "string", "description": "Name"}
    assert schema["properties"]["at"] == {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}
    assert schema["properties"]["color"] == {"enum": ["red", "blue"]}
    assert schema["properties"]["many"] == {"type": "array", "items": {"$ref": "#/components/schemas/InnerAnswer"}}
    assert schema["properties"]["_id"] == {"description": "Id of the document"}
    assert build_model_schema(params(a=(Literal["x"] | None, None)), components)
    assert components["GivenAnswer"]["properties"]["a"] == {"anyOf": [{"enum": ["x"]}, {"type": "null"}]}
