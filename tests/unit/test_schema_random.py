"""Random values against random schemas: never an exception, never a value outside its declared type."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import uuid
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import bson
from bson.codec_options import CodecOptions
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ModelError, WireCode
from core.schema.formats import IP, Email, ObjectId, SafeInt, Timestamp
from core.schema.model import check_document, check_update
from core.schema.params import Params
from core.schema.rules import factory, rule
from tests.schemas import model, params, run
from tests.tree import ROOT

CODEC: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, uuid_representation=4)
CODES = set(WireCode)


class Sub(Params):
    n: int = 0
    s: str | None = None
    subs: list[Sub] = factory(list)


def _rules(**choices: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in choices.items()})


TEXT_RULES = _rules(
    min_length=[0, 2], max_length=[3, 9], allow=[["a", "b", 1], "x"], deny=[["c"], [True, 2]], match=["^a", "(?=b)"],
    convert=["lower", ["trim", "upper"]], allow_multiple=[["a", "b"]], required=[True, None], public=[True, {"set": False}],
)  # fmt: skip
NUMBER_RULES = _rules(min=[-5, 0], max=[10, 1e9], allow=[[1, "2"]], deny=[3], match=["1"])
ANNOTATIONS: st.SearchStrategy[tuple[Any, type | tuple[type, ...]]] = st.one_of(
    TEXT_RULES.map(lambda rules: (Annotated[str, rule(**rules)], str)),
    NUMBER_RULES.map(lambda rules: (Annotated[int, rule(**rules)], int)),
    NUMBER_RULES.map(lambda rules: (Annotated[float, rule(**rules)], float)),
    TEXT_RULES.map(lambda rules: (Annotated[list[str], rule(**rules)], list)),
    st.sampled_from([
        (bool, bool), (datetime, datetime), (Sub, (Sub, dict)), (list[Sub], list), (dict[str, Any], dict), (list[list[int]], list),
        (IP, str), (Email, str), (SafeInt, int), (Timestamp, int), (ObjectId, bson.ObjectId), (Literal["a", "b"], str), (Literal[1, 2], int),
    ]),
)  # fmt: skip
NUMBERS = st.integers() | st.floats() | st.sampled_from([0, 1, 2, 1420070400, 2**63, 2**53, 1e400])
TEXTS = st.text(max_size=12) | st.sampled_from(
    ["", "a", "a,b", "1", "1e9", "true", "2015-01-01", "1.2.3.4", "a@b.de", "\ud800", "1420070400", "0" * 24]
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
KEYS = st.sampled_from(["n", "s", "subs", "x", "$x", "a.b", "__proto__"])
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
STORED = st.recursive(
    SCALARS
    | st.binary(max_size=4)
    | st.datetimes()
    | st.datetimes(timezones=st.just(UTC))
    | st.builds(uuid.uuid4)
    | st.builds(bson.ObjectId),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(fields=st.dictionaries(st.sampled_from("abcd"), ANNOTATIONS, min_size=1), data=st.data())
def test_val_5_requests_give_declared_types_or_errors(fields: dict[str, Any], data: st.DataObject) -> None:
    cls = params(**{name: annotation for name, (annotation, _) in fields.items()})
    raw = data.draw(JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(fields, JSON)))
    for section in ("body", "query"):
        made, errors = run(cls, raw, section)
        assert (made is None) == bool(errors)
        assert {error.code for error in errors} <= CODES
        assert all(error.in_ == section and error.id and error.msg for error in errors)
        assert len({error.id for error in errors}) == len(errors) or any(
            error.id != error.id.split(".")[0] for error in errors
        )
        for name, (_, kind) in fields.items() if made is not None else ():
            value = getattr(made, name)
            discarded = value is None and name not in made._sent
            assert discarded or isinstance(value, kind), (name, value)
            assert not (isinstance(value, bool) and kind in (int, float))


@settings(deadline=None)
@given(fields=st.dictionaries(st.sampled_from("abcd"), ANNOTATIONS, min_size=1), data=st.data())
def test_val_6_whatever_passes_validation_encodes(fields: dict[str, Any], data: st.DataObject) -> None:
    cls = model(**{name: annotation for name, (annotation, _) in fields.items()})
    document = data.draw(st.dictionaries(st.sampled_from("abcde"), STORED, max_size=4))
    try:
        checked = check_document(cls, document)
    except ModelError:
        pass
    else:
        bson.encode(checked, codec_options=CODEC)
    operators = st.sampled_from(["$set", "$push", "$inc", "$pull", "$addToSet", "$unset", "$min", "$bit", "$foo", "a"])
    paths = st.sampled_from(["a", "b.0", "c.n", "d.subs.$.s", "e", "a.$[].x", ""])
    update = data.draw(st.dictionaries(operators, st.dictionaries(paths, STORED, max_size=3) | STORED, max_size=3))
    with contextlib.suppress(ModelError):
        check_update(cls, update)


def test_re2_is_loaded_with_the_first_pattern_only() -> None:
    code = (
        "import sys, core.schema.params, core.schema.model; print('re2' in sys.modules);"
        "from core.schema.pattern import compile_search;"
        "compile_search('a'); print('re2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
