"""What an author may demand of a value: `rule(...)`, and the markers for computed defaults.

In: keyword arguments at an annotation. Out: a frozen `Rule`. Next: `fields.py` reads it, `compiler.py` compiles it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from time import time
from typing import Any, Final, Literal, TypeVar, cast

T = TypeVar("T")
Convert = Literal["lower", "upper", "trim"]
Access = bool | Mapping[Literal["set", "get"], bool]
Virtual = Callable[[Any], Mapping[str, Any]]
CONVERSIONS: Final[Mapping[str, Callable[[str], str]]] = {"lower": str.lower, "upper": str.upper, "trim": str.strip}
_LETTERS: Final = ((re.IGNORECASE, "i"), (re.MULTILINE, "m"), (re.DOTALL, "s"))


@dataclass(frozen=True, slots=True)
class Rule:
    """The demands on one field as `rule` takes them; `None` or an empty tuple means "not demanded".

    `settable` and `gettable` are `public` of the author: may a client set it, may it leave the server.
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

    @property
    def pattern(self) -> str:
        """`match` in slash notation, as messages and listings print it."""
        return f"/{self.match}/{flag_letters(self.match_flags)}"

    def over(self, other: Rule) -> Rule:
        """These demands, and of the other's what these leave open."""
        left = [item.name for item in fields(self) if getattr(self, item.name) == getattr(OPEN, item.name)]
        return replace(self, **{name: getattr(other, name) for name in left if name != "match_flags" or not self.match})


OPEN: Final = Rule()


def flag_letters(flags: int) -> str:
    """The flags of a pattern that have a letter in the notation of JavaScript."""
    return "".join(letter for flag, letter in _LETTERS if flags & flag)


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
    """The demands on a field, for `Annotated[T, rule(...)]`.

    Source: mia.js 2.9 rules, names in snake case. Those of a list without rules of its elements are about them.

    - `min max min_length max_length`: inclusive limits of numbers and of texts; `match`: pattern searched in the text
    - `allow deny allow_multiple`: compared as text without case; `allow_multiple` is for text separated by commas
    - `convert`: applied in order after the checks
    - `nullable required`: else as the type (`T | None`) and the default say
    - `public`: whether clients may set it and get it: one flag, or `{"set": …, "get": …}`
    - `virtual`: gives other fields (`{"dotted.name": value}`) from the raw value; `this` replaces the field itself
    - `extend`: gives the `Params` class for a raw value
    - `name`: wire and stored name; `docs`: whether the API documentation shows it
    - `unique index sparse index_options`: for models
    """
    return _build_rule(dict(locals()))


def _build_rule(given: dict[str, Any]) -> Rule:
    public, match = given.pop("public"), given["match"]
    access = public if isinstance(public, Mapping) else {"set": public, "get": public}
    if isinstance(match, re.Pattern):
        given |= {"match": match.pattern, "match_flags": match.flags & ~re.UNICODE}
    for name in ("allow", "allow_multiple", "deny", "convert"):
        one = isinstance(given[name], str) or not isinstance(given[name], Sequence)
        given[name] = (given[name],) if one else tuple(given[name])
    given["index_options"] = dict(given["index_options"] or {})
    return Rule(**given, settable=access.get("set", True), gettable=access.get("get", True))


@dataclass(frozen=True, slots=True)
class Factory:
    """A default that is computed anew for every value."""

    make: Callable[[], Any]


def factory(make: Callable[[], T]) -> T:
    """A computed default: `created: datetime = factory(now)`; typed as the value, at run time a `Factory`."""
    return cast("T", Factory(make))


def now() -> datetime:
    """The current time as an aware UTC `datetime`, in milliseconds as MongoDB stores it."""
    return datetime.fromtimestamp(int(time() * 1000) / 1000, UTC)  # `replace` takes longer than all of this
