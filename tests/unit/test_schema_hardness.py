"""The schema against hostile input, by the ids of requirements and attacks; the gate in front of it is not asked."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime
from threading import Event
from typing import Annotated, Any, Literal

import bson
import orjson
import pytest

from core.errors import ModelError
from core.schema import compiler, formats
from core.schema.fields import find_text_limits, read_fields
from core.schema.model import Model, check_document
from core.schema.params import Params, compile_section, given
from core.schema.rules import factory, rule
from core.schema.update import check_update
from core.serve.values import parse_json
from core.settings import Limits
from tests.schemas import make_class, model, params, run, value_of
from tests.timing import cpu_ms
from tests.unit.test_schema_pattern import PUMPS

# What JSON or a lenient reader of it can hold and MongoDB or a number cannot: type, value.
NO_NUMBERS = [
    (int, float("nan")), (int, float("inf")), (int, 2**63), (int, -(2**63) - 1), (int, 10**400), (int, "9" * 5_000),
    (float, float("nan")), (float, float("-inf")), (float, 10**400), (float, "1e400"), (float, "9" * 5_000), (float, "nan"),
    (formats.SafeInt, 2**53), (formats.Timestamp, 10**10), (str, float("nan")), (str, 10**5_000),
]  # fmt: skip


def name_of(kind: Any) -> str:
    """A name that is the same in every process."""
    return kind.__name__ if isinstance(kind, type) else kind.__metadata__[0].name


@pytest.mark.parametrize(
    ("kind", "raw"), NO_NUMBERS, ids=[f"{name_of(kind)} {number}" for number, (kind, _) in enumerate(NO_NUMBERS)]
)
@pytest.mark.parametrize("section", ["body", "query"])
def test_VAL_2_numbers_that_nothing_can_hold_are_refused(kind: Any, raw: Any, section: str) -> None:
    assert value_of(kind, raw, section).code == "UnexpectedType"


@pytest.mark.parametrize("value", ["\ud800", ["\udfff"], {"a": "\ud800"}, 2**64, {"a": {"\ud800": 1}}, {1: 1}])
def test_VAL_2_what_bson_cannot_hold_is_no_document(value: Any) -> None:
    with pytest.raises(ModelError):
        check_document(model(a=Any), {"a": value})


class Part(Params):
    note: Annotated[str, rule(max_length=100_000)] = ""
    parts: list[Part] = factory(list)


class Long(Params):
    text: Annotated[str, rule(max_length=20_000)]
    words: list[Annotated[str, rule(max_length=70_000)]] = factory(list)
    part: Part | None = None
    short: Annotated[str, rule(max_length=16_384)] = ""
    open: str = ""


def test_VAL_3_declared_lengths_lift_the_limit_of_a_text() -> None:
    owner = type("Owner", (), {"fields": read_fields(Long)})
    assert find_text_limits([owner], 65_536) == {"text": 80_000, "words": 280_000, "note": 400_000}


NAMED_FORMATS = [
    formats.IP, formats.IPv4, formats.IPv6, formats.CIDR, formats.CIDRv4, formats.CIDRv6, formats.Email, formats.Timestamp,
    formats.SafeInt, formats.ObjectId, int, float, bool,
]  # fmt: skip


@pytest.mark.parametrize("kind", NAMED_FORMATS, ids=name_of)
def test_VAL_4_formats_refuse_long_texts_in_milliseconds(kind: Any) -> None:
    check = compile_section(params(a=kind), "body")
    for pump in PUMPS:
        for length in (300, 65_536):
            assert cpu_ms(lambda pump=pump, length=length: check({"a": (pump * length)[:length]}, [])) < 20


# The worst that 512 KiB of JSON within the gate's limits can be: class, body.
SMALL: Any = params(a=int, b=(str, ""), c=(list[int], factory(list)))
HEAVY = {
    "objects": (params(x=list[SMALL]), {"x": [{"a": 1, "b": "y", "c": [1]} for _ in range(3_000)]}),
    "wrong objects": (params(x=list[SMALL]), {"x": [{"a": "?", "c": 1} for _ in range(4_900)]}),
    "numbers as text": (params(x=list[int]), {"x": ["1"] * 10_000}),
    "addresses": (params(x=list[formats.IP]), {"x": ["255.255.255.255"] * 10_000}),
    "text against patterns": (
        params(**{f"f{n}": Annotated[str, rule(match=r"(x+x+)+y", deny=["a"])] for n in range(8)}),
        {f"f{n}": "x" * 60_000 for n in range(8)},
    ),
    "texts for allow": (params(x=Annotated[list[str], rule(allow=["a", "b"])]), {"x": ["A"] * 10_000}),
    "parts for allow_multiple": (params(x=Annotated[str, rule(allow_multiple=["a"])]), {"x": "a," * 250_000}),
    "unknown names": (params(x=(int, 0)), {f"n{n}": n for n in range(10_000)}),
    "free form": (params(x=dict[str, Any]), {"x": {f"n{n}": [n] for n in range(9_000)}}),
}


@pytest.mark.parametrize("case", HEAVY)
def test_VAL_7_the_worst_legal_body_takes_milliseconds(case: str) -> None:
    cls, value = HEAVY[case]
    raw, check = orjson.dumps(value), compile_section(cls, "body")
    assert len(raw) <= 512 * 1024
    limits = Limits(text_bytes=512 * 1024)
    took = cpu_ms(lambda: check(parse_json(raw, limits), []))
    print(f"{case}: {took:.1f} ms")
    assert took < 250  # 50 in tests/chaos, where nothing else runs and coverage is not counted


def test_VAL_7_depth_costs_no_more_than_its_size() -> None:
    check = compile_section(Part, "body")
    body: dict[str, Any] = {"note": 1.5, "parts": [{"note": []}]}
    for _ in range(30):
        body = {"parts": [body], "note": {}}
    errors: list[Any] = []
    check(body, errors)
    assert len(errors) == 31
    assert cpu_ms(lambda: check(body, [])) < 50


# VAL-5: type, section, value.
STRICT: list[tuple[Any, str, Any]] = [
    *((kind, section, raw) for kind in (int, float, formats.SafeInt, formats.Timestamp) for section in ("body", "query")
      for raw in (True, "true", [1], ["1"], [], {"a": 1}, "1_0", "0x1", "")),
    *((int, "body", raw) for raw in ("1e3", 1.5, "1.0", "\u0661")),
    *((int, "query", raw) for raw in ("1e3", "1.5", " 1", "\u0661", ["1", "2"])),
    *((str, "body", raw) for raw in ([], ["a"], {}, {"a": 1}, None)),
    *((str, "query", raw) for raw in (["a", "b"], {"a": "b"})),
    *((bool, section, raw) for section in ("body", "query") for raw in ("1", "yes", ["true"], {})),
    *((bool, "body", raw) for raw in (0, 1, None)),
    *((kind, "body", raw) for kind in (datetime, formats.IP, formats.Email, formats.ObjectId) for raw in ([], {}, True, None)),
    *((kind, "query", ["a", "b"]) for kind in (datetime, formats.IP, Literal["a", "b"])),
    *((Literal["a", 1], "body", raw) for raw in (True, ["a"], {"a": 1}, None)),
    *((list[str], "body", raw) for raw in ("a", {"0": "a"}, None)),
    *((dict[str, Any], "body", raw) for raw in ([], "a", 1, None)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "section", "raw"), STRICT, ids=[f"{number} {section}" for number, (_, section, _) in enumerate(STRICT)]
)
def test_VAL_5_a_value_of_another_type_is_refused(kind: Any, section: str, raw: Any) -> None:
    made, errors = run(params(a=kind), {"a": raw}, section)
    assert made is None
    assert [error.id for error in errors] == ["a"]
    assert errors[0].code in {"UnexpectedType", "ValueNotAllowed", "MissingRequiredParameter"}


@pytest.mark.parametrize("names", [["lower"], ["upper"], ["trim"], ["trim", "lower"], ["upper", "trim"]], ids="+".join)
@pytest.mark.parametrize("text", [" A b\t", "ß ÄÖ", "\u00a0x\u2003", "ŉ", "İ"])
def test_VAL_9_converting_twice_changes_nothing(names: list[str], text: str) -> None:
    annotation = Annotated[str, rule(convert=names)]
    once = value_of(annotation, text)
    assert value_of(annotation, once) == once


def test_VAL_9_a_check_is_waited_for_while_another_thread_makes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    cls, begun, go, original = params(a=int), Event(), Event(), compiler._compile_class

    def compile_slowly(*args: Any) -> Any:
        begun.set()
        assert go.wait(10)
        return original(*args)

    monkeypatch.setattr(compiler, "_compile_class", compile_slowly)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(run, cls, {"a": "1"})
        assert begun.wait(10)
        second = pool.submit(run, cls, {"a": "2"})
        early = wait([second], timeout=0.2).done
        go.set()
        assert (first.result()[0].a, second.result()[0].a) == (1, 2)
    assert not early


def test_VAL_9_checks_side_by_side_share_nothing() -> None:
    inner = params(tags=(list[str], factory(list)))
    cls = params(a=(list[int], factory(list)), b=(inner | None, None), c=(dict[str, Any], factory(dict)))
    raw = {"a": [1, "2"], "b": {"tags": ["x"]}, "c": {"d": [1]}, "more": [1]}
    before, fields = copy.deepcopy(raw), repr(read_fields(cls))

    def check(number: int) -> Any:
        made, _ = run(cls, raw)
        empty, _ = run(cls, {})
        for target in (made.a, made.b.tags, empty.a):
            target.append(number)
        empty.c["x"] = number
        return vars(made)["a"], made.b.tags, empty.a, empty.c

    with ThreadPoolExecutor(50) as pool:
        results = list(pool.map(check, range(50)))
    assert results == [([1, 2, n], ["x", n], [n], {"x": n}) for n in range(50)]
    assert raw == before
    assert repr(read_fields(cls)) == fields


def test_VAL_9_generated_functions_are_those_of_their_own_class() -> None:
    base = make_class(Params, "Base", {}, {"a": int})
    middle = make_class(base, "Middle", {}, {"b": (int, 2)})
    for cls, expected in (
        (base, {"a": 1}),
        (middle, {"a": 1, "b": 2}),
        (make_class(middle, "Late", {}, {"c": (int, 3)}), None),
    ):
        made, _ = run(cls, {"a": 1})
        wanted = expected or {"a": 1, "b": 2, "c": 3}
        assert made.__wire__() == made.__dump__() == vars(cls.__load__(wanted)) == wanted


def test_VAL_10_unknown_fields_stay_outside_at_every_level() -> None:
    made, errors = run(Long, {"text": "x", "more": 1, "part": {"more": 1, "parts": [{"note": "y", "more": 1}]}})
    assert not errors
    assert "more" not in repr(made.__wire__())
    assert "more" not in repr(given(made))
    with pytest.raises(ModelError) as caught:
        check_document(model(a=int, b=(Part | None, None)), {"a": 1, "more": 1, "b": {"more": 2}})
    assert [(item.code, item.id) for item in caught.value.errors] == [
        ("AdditionalParamsNotAllowed", "b.more"),
        ("AdditionalParamsNotAllowed", "more"),
    ]


# Mass assignment


class Account(Model, identity="t-accounts"):
    login: str
    role: Annotated[str, rule(public={"set": False})] = "user"
    validated: Annotated[bool, rule(public=False)] = False
    etag: Annotated[str | None, rule(public={"set": False})] = None
    group: Annotated[list[str], rule(public={"set": False})] = factory(list)


class SignUp(Params):
    login: str


STOLEN = {"_id": "x", "oid": "x", "role": "admin", "validated": True, "etag": "1", "group": ["admins"]}


@pytest.mark.parametrize("extra", [*STOLEN, "everything"])
@pytest.mark.parametrize("section", ["body", "query"])
def test_B06_what_a_client_may_not_set_is_not_set(extra: str, section: str) -> None:
    raw = {"login": "a"} | (STOLEN if extra == "everything" else {extra: STOLEN[extra]})
    made, errors = run(SignUp, raw, section)
    assert (errors, vars(made), given(made)) == ([], {"login": "a"}, {"login": "a"})


@pytest.mark.parametrize("extra", ["role", "validated", "etag", "group"])
@pytest.mark.parametrize("section", ["body", "query"])
def test_B06_a_model_as_section_takes_only_what_is_public(extra: str, section: str) -> None:
    account, errors = run(Account, {"login": "a", extra: STOLEN[extra]}, section)
    assert not errors
    assert (account.role, account.validated, account.etag, account.group) == ("user", False, None, [])
    assert given(account) == {"login": "a"}


def test_B06_names_of_the_class_itself_are_only_values() -> None:
    hostile = {"__class__": "x", "__dict__": {"login": "b"}, "_schema": [], "_sent": {}, "__wire__": 1, "__init__": 1}
    made, errors = run(SignUp, {"login": "a", **hostile})
    assert (errors, vars(made), type(made)) == ([], {"login": "a"}, SignUp)
    stored = Account.__load__({"_id": 1, "login": "a", **hostile})
    assert type(stored) is Account
    assert stored.__wire__()["login"] == "a"
    assert stored.__wire__().keys().isdisjoint(hostile)


# Keys

KEYS = ["$where", "$", "a.b", ".", "a\0b", "\0", "__proto__", "constructor", "prototype", "", "\ud800"]
HARMLESS = ["__class__", "__init__", "k" * 100_000, "{0!r}", "%s", "'] or True or ['", "\n    import os\n", "é"]


@pytest.mark.parametrize("key", KEYS + HARMLESS, ids=lambda key: repr(key[:12]))
def test_A03_keys_of_a_request_are_never_code_or_fields(key: str) -> None:
    made, errors = run(params(a=(int, 1), free=(dict[str, Any], factory(dict))), {key: 1, "free": {}})
    assert (errors, vars(made)) == ([], {"a": 1, "free": {}})
    assert repr(key) not in compile_section(params(a=int), "body").__source__  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", [[], ["deep"], ["deep", 0, "deeper"]], ids=str)
@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_NOSQL_3_A03_keys_that_mean_something_to_the_database_are_not_stored(key: str, path: list[Any]) -> None:
    value: Any = {key: 1}
    for step in reversed(path):
        value = [value] if step == 0 else {step: value}
    cls = model(free=(dict[str, Any], factory(dict)), any=(Any, None), items=(list[Any], factory(list)))
    for field in ("free", "any"):
        with pytest.raises(ModelError):
            check_document(cls, {field: value})
    stored = {"below": value}
    for update in (
        *({name: {"free": value}} for name in ("$set", "$setOnInsert", "$min", "$max")),
        *({name: {"free.x.y": stored}} for name in ("$set", "$setOnInsert", "$min", "$max")),
        *({name: {"items": stored}} for name in ("$push", "$addToSet")),
        *({name: {"items": {"$each": [1, stored]}}} for name in ("$push", "$addToSet")),
        {"$push": {"any.x": {"$each": [stored], "$slice": 3}}},
        [{"$set": {"free": {"$literal": value}}}],
    ):
        with pytest.raises(ModelError):
            check_update(cls, update)
    if key not in ("", "$"):  # `free.$.x` is the element that the filter found
        with pytest.raises(ModelError):
            check_update(cls, {"$set": {f"free.{key}.x" if key != "a.b" else "free.$x": 1}})
        if key != "a.b" and "." not in key:
            with pytest.raises(ModelError):
                check_update(cls, {"$rename": {"free.x": f"free.{key}"}})


@pytest.mark.parametrize("key", HARMLESS, ids=lambda key: repr(key[:12]))
def test_A03_other_keys_are_stored_as_they_are(key: str) -> None:
    checked = check_document(model(free=(dict[str, Any], factory(dict))), {"free": {key: 1}})
    assert bson.decode(bson.encode({"free": checked["free"]})) == {"free": {key: 1}}


def test_A03_names_of_declarations_get_into_generated_text_as_constants_only() -> None:
    name = "x'] = 1\nraise SystemExit  # "
    hint = Annotated[str, rule(name=name, allow=["'\n", '"""'], match="['\"]|\n")]
    cls = params(a=hint, b=(str, '\'\n"""'), c=(Annotated[int, rule(min=float("-inf"), max=float("inf"))], 1))
    made, errors = run(cls, {name: '"""'})
    assert (errors, made.a, made.b, made.__wire__()[name]) == ([], '"""', '\'\n"""', '"""')
    assert cls.__load__(made.__dump__()).a == '"""'
