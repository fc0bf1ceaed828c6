"""Declarations: what is read from a class, what is refused when it is loaded, and when two of them conflict."""

from __future__ import annotations

import sys
import types
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest

from core.errors import BadDeclaration
from core.schema.fields import MISSING, Factory, find_conflict, read_fields
from core.schema.formats import IP, Email, ObjectId, Timestamp
from core.schema.model import Index, Model, build_indexes, check_model
from core.schema.params import Params, compile_section
from core.schema.rules import factory, rule
from tests.schemas import make_class, model, params

Name = Annotated[str, rule("A name", min_length=2, max_length=9)]


class Shade(Enum):
    DARK = ("d",)


class Base(Params):
    kind: ClassVar[str] = "no field"
    a: Name
    b: Annotated[Name | None, rule("Short", max_length=5)] = None
    _hidden: int = 0


class Derived(Base):
    # a comment
    c: Annotated[int, rule(min=1)] = 1
    b = "other"
    a: Name = "zz"
    many: list[Name] = factory(list)


def test_fields_of_a_class_and_its_bases_in_order() -> None:
    fields = {field.name: field for field in read_fields(Derived)}
    assert list(fields) == ["a", "b", "c", "many"]
    assert [field.default for field in fields.values()] == ["zz", "other", 1, Factory(list)]
    assert [field.required for field in read_fields(Base)] == [True, False]
    assert read_fields(Base)[0].default is MISSING
    assert repr(MISSING) == "MISSING"
    assert read_fields(Derived) is read_fields(Derived)


def test_of_several_rules_the_last_word_on_each_point_counts() -> None:
    rules = {field.name: field.rule for field in read_fields(Base)}
    assert (rules["b"].description, rules["b"].min_length, rules["b"].max_length) == ("Short", 2, 5)
    many = read_fields(Derived)[3].type
    assert many.item_rule is not None
    assert many.item_rule.max_length == 9


def test_fields_know_their_line() -> None:
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    for cls in (Base, Derived):
        for field in read_fields(cls):
            assert field.source.file == __file__
            assert lines[field.source.line - 1].strip().startswith(f"{field.name}"), field


def test_a_docstring_that_names_a_field_is_not_its_line() -> None:
    class Explained(Params):
        """What is said.

        Attributes:
            name: who says it.
        """

        title: str = ""
        name: str = ""

    class Other(Params):
        name: str = ""

    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    own, other = read_fields(Explained)[1].source.line, read_fields(Other)[0].source.line
    assert lines[own - 1].strip() == lines[other - 1].strip() == 'name: str = ""'
    assert own < other


def test_a_field_without_text_has_the_line_of_its_class() -> None:
    module = types.ModuleType("typed_in")
    sys.modules["typed_in"] = module
    exec(
        "from __future__ import annotations\nfrom core.schema.params import Params\nclass Typed(Params):\n    a: set[int]\n",
        module.__dict__,
    )
    with pytest.raises(BadDeclaration) as caught:
        read_fields(module.Typed)
    assert (caught.value.source.file, caught.value.source.line) == ("<string>", 3)
    del sys.modules["typed_in"]


BROKEN: list[tuple[str, dict[str, Any], str]] = [
    ("no-default", {"a": Annotated[str, rule(required=False)]}, "is not required and so needs a default"),
    ("shared-list", {"a": (list[str], [])}, "would be shared"),
    ("shared-tuple", {"a": (list[str], ())}, "would be shared (use = factory(list))"),
    ("shared-mapping", {"a": (dict[str, Any], types.MappingProxyType({}))}, "would be shared"),
    ("rule-as-default", {"a": (str, rule(max_length=3))}, "(a: Annotated[…, rule(…)])"),
    ("large-pattern", {"a": Annotated[str, rule(match=r"^\pL{500}$")]}, "takes too much memory"),
    ("shared-object", {"a": (Base, Base(a="x"))}, "would be shared"),
    ("set", {"a": set[int]}, "cannot be checked: set"),
    ("union", {"a": int | str}, "cannot be checked: int | str"),
    ("tuple-enum", {"a": Shade}, "cannot be checked: Shade"),
    ("bytes-literal", {"a": Literal[b"x"]}, "cannot be checked"),
    ("int-keys", {"a": dict[int, str]}, "cannot be checked"),
    ("length-of-int", {"a": Annotated[int, rule(min_length=1)]}, "min_length applies to text, not to integer"),
    ("convert-of-ints", {"a": Annotated[list[int], rule(convert="lower")]}, "convert applies to text"),
    ("convert-of-stamp", {"a": Annotated[Timestamp, rule(convert="lower")]}, "convert applies to text, not to timestamp"),
    ("convert-of-id", {"a": Annotated[ObjectId, rule(convert="lower")]}, "convert applies to text, not to objectid"),
    ("min-of-mail", {"a": Annotated[Email, rule(min=1)]}, "min and max apply to numbers, not to email"),
    ("min-of-lists", {"a": Annotated[list[list[str]], rule(min=1)]}, "min and max apply to numbers, not to string"),
    ("allow-of-flag", {"a": Annotated[bool, rule(allow=[True])]}, "allow applies to text and numbers, not to boolean"),
    ("match-of-date", {"a": Annotated[datetime, rule(match="x")]}, "match applies to text and numbers, not to date"),
    ("unknown-convert", {"a": Annotated[str, rule(convert="lowr")]}, "there is no conversion 'lowr' (lower, upper, trim)"),
    ("min-of-text", {"a": Annotated[str, rule(min=1)]}, "min and max apply to numbers, not to string"),
    ("text-as-min", {"a": Annotated[int, rule(min="1")]}, "Given.a: min='1' is no number"),
    ("text-as-length", {"a": Annotated[str, rule(max_length="64")]}, "Given.a: max_length='64' is no whole number"),
    ("half-length", {"a": Annotated[list[str], rule(min_length=1.5)]}, "Given.a: min_length=1.5 is no whole number"),
    ("number-as-pattern", {"a": Annotated[str, rule(match=5)]}, "Given.a: match=5 is no text"),
    ("number-as-name", {"a": Annotated[str, rule(name=5)]}, "Given.a: name=5 is no text"),
    ("text-as-flag", {"a": Annotated[str, rule(required="no")]}, "Given.a: required='no' is no flag"),
    ("twice", {"a": Annotated[str, rule(name="b")], "b": str}, "are both called 'b'"),
    ("unknown-name", {"a": "Nowhere"}, "cannot be resolved: name 'Nowhere'"),
    ("nonsense", {"a": "int[str]"}, "cannot be resolved"),
    ("syntax", {"a": "in t"}, "cannot be resolved"),
    ("default-rule", {"a": (Annotated[int, rule(min=1)], 0)}, "the default 0 of Given.a breaks its own rules: a value is less than 1"),
    ("default-type", {"a": (int, "5")}, "breaks its own rules: a is unexpected type"),
    ("default-choice", {"a": (Literal["x"], "y")}, "breaks its own rules: a value 'y' is not allowed"),
    ("source", {"source": str}, "a name that the class itself uses"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "message"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_wrong_declaration_is_a_load_error(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(BadDeclaration) as caught:
        compile_section(params(**fields), "body")
    assert message in str(caught.value)


def test_defaults_that_need_no_rules_need_not_keep_them() -> None:
    cls = params(
        a=(Annotated[str, rule(min_length=2)], ""),
        b=(int | None, None),
        c=(IP, "1.2.3.4"),
        d=(datetime, factory(datetime.now)),
    )
    compile_section(cls, "body")


# Merging

CONFLICTS: list[tuple[str, Any, Any, str | None]] = [
    ("same", Name, Name, None),
    ("open", str, Name, None),
    ("type", str, int, "type"),
    ("any", Any, int, None),
    ("format", Email, IP, "type"),
    ("min", Annotated[int, rule(min=1)], Annotated[int, rule(min=2)], "min"),
    ("zero", Annotated[int, rule(min=0)], Annotated[int, rule(min=1)], "min"),
    ("zero-open", Annotated[int, rule(min=0)], int, None),
    ("allow", Annotated[str, rule(allow=["a"])], Annotated[str, rule(allow=["b"])], "allow"),
    ("public", Annotated[str, rule(public=False)], str, None),
    ("description", Annotated[str, rule("x")], Annotated[str, rule("y")], "description"),
    ("nullable", Annotated[str, rule(nullable=True)], Annotated[str, rule(nullable=False)], "nullable"),
    ("default", (int, 1), (int, 2), "default"),
    ("default-open", (int, 1), int, None),
    ("factory", (list[str], factory(list)), (list[str], factory(list)), None),
    ("factories", (list[str], factory(list)), (list[str], factory(lambda: ["x"])), "default"),
    ("constant-and-factory", (int, 1), (int, factory(lambda: 1)), "default"),
    ("true-and-one", (Any, True), (Any, 1), "default"),
    ("virtual", Annotated[str, rule(virtual=lambda v: v)], Annotated[str, rule(virtual=lambda v: {})], "virtual"),
    ("list", list[int], list[str], "type"),
    ("list-rule", list[Annotated[int, rule(min=1)]], list[Annotated[int, rule(min=2)]], "min"),
    ("nested", params(b=int), params(b=str), "b.type"),
    ("nested-other", params(b=int), params(c=str), None),
    ("nested-same", params(b=int, c=str), params(b=int), None),
    ("literal", Literal["a"], Literal["b"], "type"),
]


@pytest.mark.parametrize(
    ("first", "second", "conflict"), [row[1:] for row in CONFLICTS], ids=[row[0] for row in CONFLICTS]
)
def test_conflict(first: Any, second: Any, conflict: str | None) -> None:
    (one,), (other,) = read_fields(params(a=first)), read_fields(params(a=second))
    assert find_conflict(one, other) == conflict
    assert (find_conflict(other, one) is None) == (conflict is None)


class WithVirtual(Params):
    a: Annotated[str, rule(virtual=lambda value: {"b": value})] = ""


class Inherits(WithVirtual):
    pass


def test_an_inherited_field_does_not_conflict_with_itself() -> None:
    assert find_conflict(read_fields(WithVirtual)[0], read_fields(Inherits)[0]) is None


# Models


class Session(Params):
    id: Annotated[str, rule(index=True)]
    at: Annotated[datetime, rule(index=True, sparse=True, index_options={"expireAfterSeconds": 60})]


class User(
    Model,
    identity="t-users",
    collection="users",
    shard_key="group",
    indexes=[Index("oid2", "-session.id", unique=True), Index("tags.name", "meta.x", name="own", background=True)],
    text_indexes=[Index("login", "group", default_language="de")],
):
    login: Annotated[str, rule(unique=True)]
    oid2: int = 0
    group: Annotated[str, rule(index=True)] = "g"
    session: Session | None = None
    tags: list[Session] = factory(list)
    meta: dict[str, Any] = factory(dict)


def test_indexes_have_the_names_and_order_of_mia() -> None:
    found = [(spec.name, spec.keys, spec.options) for spec in build_indexes(User)]
    plain = {"unique": False, "sparse": False}
    assert found[:7] == [
        ("group", (("group", 1),), plain),
        ("sessionid", (("session.id", 1),), plain),
        ("sessionat", (("session.at", 1),), {"unique": False, "sparse": True, "expireAfterSeconds": 60}),
        ("tagsid", (("tags.id", 1),), plain),
        ("tagsat", (("tags.at", 1),), {"unique": False, "sparse": True, "expireAfterSeconds": 60}),
        ("login", (("login", 1),), {"unique": True, "sparse": False}),
        ("oid2sessionid", (("oid2", 1), ("session.id", -1)), {"unique": True, "sparse": False}),
    ]
    assert found[8:] == [("logingroup", (("login", "text"), ("group", "text")), {**plain, "default_language": "de"})]


@pytest.mark.parametrize(
    ("path", "name"), [("session.id", "sessionid"), ("accessTokens.device.id", "accessTokensdevice.id"), ("_id", "id")]
)
def test_mia_4_2_names_of_indexes_lose_their_first_odd_character(path: str, name: str) -> None:
    first, _, rest = path.partition(".")
    inner: Any = dict[str, Any] if rest else str
    fields = {} if path == "_id" else {first: inner}
    cls = make_class(Model, "Named", {"identity": "t", "indexes": [Index(path, "status")]}, {**fields, "status": str})
    assert build_indexes(cls)[0].name == f"{name}status"


MODELS: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("unknown", {"indexes": [Index("nmae", "_id")]}, {"name": str}, "no field is stored as 'nmae'"),
    ("far", {"indexes": [Index("zzz")]}, {"name": str}, "no field is stored as 'zzz'"),
    ("empty", {"indexes": [Index()]}, {"name": str}, "names no field"),
    ("twice", {"indexes": [Index("name")]}, {"name": Annotated[str, rule(unique=True)]}, "declares the index 'name' over name twice"),
    ("dotted", {}, {"a": Annotated[str, rule(name="b.c")]}, "'b.c' is no name that a document may use"),
    ("operator", {}, {"a": Annotated[str, rule(name="$b")]}, "'$b' is no name that a document may use"),
    ("reserved", {}, {"version": str}, "a name that the class itself uses"),
]  # fmt: skip


@pytest.mark.parametrize(("keywords", "fields", "message"), [row[1:] for row in MODELS], ids=[row[0] for row in MODELS])
def test_a_wrong_model_is_a_load_error(keywords: dict[str, Any], fields: dict[str, Any], message: str) -> None:
    with pytest.raises(BadDeclaration) as caught:
        check_model(make_class(Model, "Wrong", {"identity": "t", **keywords}, fields))
    assert message in str(caught.value)


def test_a_right_model_is_none() -> None:
    check_model(User)
    check_model(model(oid=Annotated[str, rule(unique=True, index=True, name="_id")]))
    assert [field.wire for field in read_fields(User)][:2] == ["_id", "login"]


def test_class_keywords_of_a_model() -> None:
    assert (User.identity, User.version, User.disabled, User.database) == ("t-users", "1.0", False, "")
    assert (User.shard_key, User.collection_options) == (("group",), {})
    assert make_class(Model, "M", {"identity": "t", "shard_key": ["a", "b"]}, {}).shard_key == ("a", "b")
    assert repr(User.indexes[0]) == "Index('oid2', '-session.id')"
