"""Random schemas and random values, and what must hold for all of them; run by tests/unit and, longer, by tests/chaos.

Every property is a Hypothesis test that only lacks the number of its examples; each tries two values on a schema.
"""

from __future__ import annotations

import contextlib
import uuid
from datetime import UTC, datetime
from enum import Enum
from itertools import product
from typing import Annotated, Any, Literal

import bson
from bson.codec_options import CodecOptions
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ModelError, WireCode
from core.schema.formats import IP, Email, ObjectId, SafeInt, Timestamp
from core.schema.model import check_document
from core.schema.params import Params
from core.schema.record import Record
from core.schema.rules import factory, rule
from core.schema.update import check_update
from tests.schema_reference import REQUIRED, Spec, check, declare
from tests.schemas import model, params, run

CODEC: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, uuid_representation=4)
CODES = set(WireCode)


class Sub(Params):
    n: int = 0
    s: str | None = None
    subs: list[Sub] = factory(list)


class Color(Enum):
    RED = "red"
    HALF = 2.5


def _rules(**choices: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in choices.items()})


ACCESS = [True, False, {"set": False, "get": True}, {"set": True, "get": False}]
FIELD_RULES: dict[str, Any] = {"required": [True, False], "nullable": [True, False], "public": ACCESS}
TEXT_RULES = _rules(
    min_length=[0, 1, 2], max_length=[2, 9], allow=[["a", "B", 1], ["x"]], deny=[["c"], [True, 2]], match=["^a", "(?=b)"],
    convert=["lower", "trim", ["trim", "upper"]], allow_multiple=[["a", "b"]], **FIELD_RULES,
)  # fmt: skip
NUMBER_RULES = _rules(min=[-5, 0, 0.5], max=[10, 1e9, 2**70], allow=[[1, "2"]], deny=[[3]], match=["1"], **FIELD_RULES)
ANY_RULES = _rules(**FIELD_RULES)
RULES = {"string": TEXT_RULES, "integer": NUMBER_RULES, "number": NUMBER_RULES}
CHOICES = [("string", ("a", "b")), ("integer", (1, 2)), ("string", ("a", 1)), ("boolean", (True,))]

NUMBERS = (
    st.integers() | st.floats() | st.sampled_from([0, 1, 2, 3, 1.0, 2.5, 1420070400, 2**63, 2**53, 1e400, 10**400])
)
TEXTS = st.text(max_size=12) | st.sampled_from(
    ["", "a", "A", " a ", "b", "x", "a,b", "1", "2", "12", "1e9", "true", "2015-01-01", "1.2.3.4", "a@b.de", "\ud800", "٥", "red",
     "1420070400", "0" * 24, "9" * 19]
)  # fmt: skip
SCALARS = st.one_of(TEXTS, NUMBERS, st.booleans(), st.none())
KEYS = st.sampled_from(["n", "s", "subs", "x", "$x", "a.b", "__proto__", "__class__"])
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)
STORED = st.recursive(
    SCALARS
    | st.binary(max_size=4)
    | st.datetimes()
    | st.datetimes(timezones=st.just(UTC))
    | st.builds(uuid.uuid4)
    | st.builds(bson.ObjectId),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
#: what the reference does not know: formats, dates, enums; annotation and the types of its values
OTHERS: list[tuple[Any, Any]] = [
    (datetime, datetime), (IP, str), (Email, str), (SafeInt, int), (Timestamp, int), (ObjectId, bson.ObjectId), (Color, Color),
    (Sub, (Sub, dict)), (list[Sub], list), (dict[str, Any], dict), (list[list[int]], list), (Literal["a", "b"], str), (bool, bool),
    (Annotated[str, rule(max_length=5)], str), (Annotated[list[str], rule(deny="c")], list), (Annotated[int, rule(min=0)], int), (float, float),
]  # fmt: skip


@st.composite
def specs(draw: st.DrawFn, *, nested: bool = True) -> Spec:
    """A field, by its data."""
    kinds = ["string", "string", "integer", "number", "boolean", "any", "object", "choice", "list"]
    kind = draw(st.sampled_from([*kinds, *(["nested", "nested list"] if nested else [])]))
    scalar = draw(st.sampled_from(["string", "integer", "number", "boolean"])) if kind == "list" else kind
    rules = dict(draw(RULES.get(scalar, ANY_RULES)))
    if rules.get("min_length", 0) > rules.get("max_length", 9) or rules.get("min", 0) > rules.get("max", 9):
        rules = {}
    null, required = draw(st.booleans()), rules.get("required")
    defaults = [None] if required is False else [REQUIRED, REQUIRED, None]
    default = draw(st.sampled_from([*defaults, *([list] if kind.endswith("list") else [])]))
    if kind == "choice":
        name, choices = draw(st.sampled_from(CHOICES))
        return Spec(name, rules, null, default, choices=choices)
    if kind == "list":
        return Spec("array", rules, null, default, items=Spec(scalar))
    if kind.startswith("nested"):
        inner = Spec("object", fields=draw(fields_of(nested=False)))
        outer = Spec("array", items=inner) if kind == "nested list" else inner
        return Spec(outer.type, rules, null, default, outer.items, outer.fields)
    return Spec(kind, rules, null, default)


def fields_of(*, nested: bool = True) -> st.SearchStrategy[dict[str, Spec]]:
    """A schema."""
    return st.dictionaries(st.sampled_from("abcd"), specs(nested=nested), min_size=1, max_size=4)


def raw_of(fields: dict[str, Spec]) -> st.SearchStrategy[Any]:
    """Values that are often what the schema asks for."""
    return st.fixed_dictionaries({}, optional={name: _value_of(spec) for name, spec in fields.items()})


def _value_of(spec: Spec) -> st.SearchStrategy[Any]:
    if spec.items is not None:
        return st.lists(_value_of(spec.items), max_size=3) | JSON
    if spec.fields is not None:
        return raw_of(dict(spec.fields)) | JSON
    if spec.choices:
        return st.sampled_from([*spec.choices, *map(str, spec.choices)]) | SCALARS
    known = {"string": TEXTS, "integer": NUMBERS | TEXTS, "number": NUMBERS | TEXTS, "boolean": st.booleans()}
    return known.get(spec.type, JSON) | JSON


def plain(value: Any) -> Any:
    """A checked value for comparison: objects as dicts, types told apart, NaN equal to itself."""
    if isinstance(value, Record):
        value = vars(value)
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list) else (type(value).__name__, repr(value))


@given(fields=fields_of(), data=st.data())
def generated_checks_do_what_the_reference_does(fields: dict[str, Spec], data: st.DataObject) -> None:
    cls = declare(fields)
    for _ in range(2):
        raw = data.draw(raw_of(fields) | JSON)
        before = plain(raw)
        for section in ("body", "query"):
            made, errors = run(cls, raw, section)
            expected, wrong = check(fields, raw, section)
            assert [(error.code, error.id, error.msg) for error in errors] == wrong
            assert plain(made) == plain(expected)
        assert plain(raw) == before


@given(fields=st.dictionaries(st.sampled_from("abcd"), st.sampled_from(OTHERS), min_size=1), data=st.data())
def requests_give_declared_types_or_errors(fields: dict[str, tuple[Any, Any]], data: st.DataObject) -> None:
    cls = params(**{name: annotation for name, (annotation, _) in fields.items()})
    raws = st.lists(JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(fields, JSON)), min_size=2, max_size=2)
    for section, raw in product(("body", "query"), data.draw(raws)):
        made, errors = run(cls, raw, section)
        assert (made is None) == bool(errors)
        assert {error.code for error in errors} <= CODES
        assert all(error.in_ == section and error.id and error.msg for error in errors)
        for name, (_, kind) in fields.items() if made is not None else ():
            value = getattr(made, name)
            assert isinstance(value, kind), (name, value)
            assert not (isinstance(value, bool) and kind in (int, float))


@given(fields=st.dictionaries(st.sampled_from("abcd"), st.sampled_from(OTHERS), min_size=1), data=st.data())
def whatever_passes_validation_encodes(fields: dict[str, tuple[Any, Any]], data: st.DataObject) -> None:
    cls = model(**{name: annotation for name, (annotation, _) in fields.items()})
    documents = st.fixed_dictionaries({}, optional=dict.fromkeys([*fields, "e"], STORED))
    for document in data.draw(st.lists(documents, min_size=2, max_size=2)):
        with contextlib.suppress(ModelError):
            checked = check_document(cls, document)
            bson.encode(checked, codec_options=CODEC)
            again = check_document(cls, cls.__load__(checked).__dump__())
            assert plain(again) == plain(checked)
    operators = st.sampled_from(["$set", "$push", "$inc", "$pull", "$addToSet", "$unset", "$min", "$bit", "$foo", "a"])
    paths = st.sampled_from(["a", "b.0", "c.n", "d.subs.$.s", "e", "a.$[].x", ""])
    update = data.draw(st.dictionaries(operators, st.dictionaries(paths, STORED, max_size=3) | STORED, max_size=2))
    with contextlib.suppress(ModelError):
        check_update(cls, update)
