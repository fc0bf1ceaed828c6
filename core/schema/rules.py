"""What an author may demand of a value: `rule(...)`, and the markers for computed defaults.

In: keyword arguments at an annotation. Out: a frozen `Rule`, read by `schema/fields.py`. The checks
themselves are compiled in `schema/compiler.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar, cast

from core.source import Source, caller_source

T = TypeVar("T")
Convert = Literal["lower", "upper", "trim"]
Access = bool | Mapping[Literal["set", "get"], bool]
Virtual = Callable[[Any], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Rule:
    """The demands on one field; `None` or an empty tuple means "not demanded".

    Attributes:
        min, max: inclusive limits of a number.
        min_length, max_length: inclusive limits in characters, for text and every text of a list.
        match: pattern searched in the text form of the value.
        allow, deny: values compared case-insensitively, as in mia.js.
        allow_multiple: like `allow` for comma-separated text.
        convert: conversions applied in order after the checks.
        nullable: whether null is accepted; `None` takes it from the type (`T | None`).
        required: whether absence is an error; `None` takes it from the default.
        settable, gettable: `public` of the author: may a client set it, may it leave the server.
        virtual: turns the raw value into other fields; key `this` replaces the field itself.
        extend: gives the `Params` class for a raw value.
        name: wire and stored name; `None` takes the Python name.
        docs: whether the field is shown in the API documentation.
        unique, index, sparse, index_options: for models, see `schema/model.py`.
    """

    description: str = ""
    min: float | None = None
    max: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    match: str | None = None
    match_flags: int = 0
    allow: tuple[Any, ...] = ()
    allow_multiple: tuple[str, ...] = ()
    deny: tuple[Any, ...] = ()
    convert: tuple[Convert, ...] = ()
    nullable: bool | None = None
    required: bool | None = None
    settable: bool = True
    gettable: bool = True
    virtual: Virtual | None = None
    extend: Callable[[Any], type[Any]] | None = None
    name: str | None = None
    docs: bool = True
    unique: bool = False
    index: bool = False
    sparse: bool = False
    index_options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    source: Source | None = field(default=None, compare=False)


def rule(
    description: str = "",
    *,
    min: float | None = None,
    max: float | None = None,
    min_length: int | None = None,
    max_length: int | None = None,
    match: str | re.Pattern[str] | None = None,
    allow: Sequence[Any] | str | float = (),
    allow_multiple: Sequence[str] = (),
    deny: Sequence[Any] | str | float = (),
    convert: Convert | Sequence[Convert] = (),
    nullable: bool | None = None,
    required: bool | None = None,
    public: Access = True,
    virtual: Virtual | None = None,
    extend: Callable[[Any], type[Any]] | None = None,
    name: str | None = None,
    docs: bool = True,
    unique: bool = False,
    index: bool = False,
    sparse: bool = False,
    index_options: Mapping[str, Any] | None = None,
) -> Rule:
    """The demands on a field, for `Annotated[T, rule(...)]`; see `Rule` for the meaning of each.

    Source: mia.js 2.9 rules, names in snake case. A single value for `allow`, `deny` or `convert`
    stands for a list of one; `public` may be one flag or `{"set": …, "get": …}`.
    """
    return _build_rule(dict(locals()), caller_source())


def _build_rule(given: dict[str, Any], source: Source) -> Rule:
    public, match = given.pop("public"), given["match"]
    access = public if isinstance(public, Mapping) else {"set": public, "get": public}
    if isinstance(match, re.Pattern):
        given |= {"match": match.pattern, "match_flags": match.flags & ~re.UNICODE}
    given |= {name: _as_tuple(given[name]) for name in ("allow", "allow_multiple", "deny", "convert")}
    given["index_options"] = dict(given["index_options"] or {})
    return Rule(**given, settable=access.get("set", True), gettable=access.get("get", True), source=source)


def _as_tuple(value: Any) -> tuple[Any, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return (value,)
    return tuple(value)


@dataclass(frozen=True, slots=True)
class Factory:
    """A default that is computed anew for every value."""

    make: Callable[[], Any]


def factory(make: Callable[[], T]) -> T:
    """A computed default: `created: datetime = factory(now)`, `tags: list[str] = factory(list[str])`.

    The return type is the one of `make`, so that the annotation checks; at run time it is a marker.
    """
    return cast("T", Factory(make))


def now() -> datetime:
    """The current time as an aware UTC `datetime`, in milliseconds as MongoDB stores it."""
    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
