"""What a check says when it refuses a value: problems with paths relative to the value, and their texts.

In: a value that broke a rule. Out: `Refused`, whose problems the enclosing list, object and section complete
with their own names; `to_items` makes the wire entries. Before: nothing. Next: `coerce.py`, `limits.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from core.errors import ErrorItem, WireCode


class Problem(NamedTuple):
    """One broken rule.

    Attributes:
        code: wire code.
        tail: the message behind the name of the field.
        id: path of the field below the value that was checked; empty for the value itself.
        name: the same path as messages print it; names the element of a list of scalars, too.
    """

    code: str
    tail: str
    id: str = ""
    name: str = ""

    def under(self, path: str) -> Problem:
        """The same problem as seen from the object or list that holds the value at `path`."""
        return Problem(self.code, self.tail, _join(path, self.id), _join(path, self.name))


class Refused(Exception):
    """A value broke its rules."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems)
        self.problems = problems


def _join(path: str, rest: str) -> str:
    return f"{path}.{rest}" if path and rest and rest[0] != "[" else path + rest


def refuse(code: str, tail: str) -> Refused:
    """A refusal of the value at hand for one reason."""
    return Refused([Problem(code, tail)])


def refuse_type(value: Any, expected: str) -> Refused:
    """`UnexpectedType`: the given type as JavaScript's `typeof` names it, the expected one in lower case."""
    tail = f" is unexpected type. {js_typeof(value)} given {expected} expected"
    return Refused([Problem(WireCode.UNEXPECTED_TYPE, tail)])


def refuse_missing() -> Refused:
    """`MissingRequiredParameter`."""
    tail = " is required but invalid value or no value given"
    return Refused([Problem(WireCode.MISSING_REQUIRED_PARAMETER, tail)])


def js_typeof(value: Any) -> str:
    """What JavaScript's `typeof` says about the value; null, lists and dates are objects."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    return "number" if isinstance(value, int | float) else "object"


def to_items(problems: Sequence[Problem], path: str = "", section: str | None = None) -> Iterator[ErrorItem]:
    """The wire entries of problems found at `path` of a section."""
    for problem in problems:
        name = _join(path, problem.name) or section or ""
        yield ErrorItem(problem.code, name + problem.tail, _join(path, problem.id) or section, section)
