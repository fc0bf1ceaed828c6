"""What a check says when it refuses a value: problems with paths relative to the value, and their texts.

In: a value that broke a rule. Out: `Refused`, whose problems the enclosing list, object and section complete
with their own names; `to_items` makes the wire entries. Next: `value.py`, `compiler.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from core.errors import ErrorItem, WireCode


class Problem(NamedTuple):
    """One broken rule: wire code, the message behind the name of the field, and the path below the checked value.

    `name` is the path as messages print it; it names the element of a list of scalars, too.
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

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems = problems

    def under(self, path: str) -> Refused:
        """The same, as seen from the object or list that holds the value at `path`."""
        return Refused(*(problem.under(path) for problem in self.problems))


def _join(path: str, rest: str) -> str:
    return f"{path}.{rest}" if path and rest and rest[0] != "[" else path + rest


def refuse(code: str, tail: str, path: str = "") -> Refused:
    """A refusal of the value at hand, or of what is at a path below it."""
    return Refused(Problem(code, tail, path, path))


def refuse_type(value: Any, expected: str) -> Refused:
    """`UnexpectedType`: the given type as JavaScript's `typeof` names it, the expected one in lower case."""
    return refuse(WireCode.UNEXPECTED_TYPE, f" is unexpected type. {js_typeof(value)} given {expected} expected")


def refuse_missing() -> Refused:
    """`MissingRequiredParameter`."""
    return refuse(WireCode.MISSING_REQUIRED_PARAMETER, " is required but invalid value or no value given")


def refuse_value(value: Any, hint: str) -> Refused:
    """`ValueNotAllowed`, with what would be."""
    return refuse(WireCode.VALUE_NOT_ALLOWED, f" value '{text_of(value)}' is not allowed. {hint}")


def refuse_unknown(path: str = "") -> Refused:
    """A name that the class does not declare."""
    return refuse(WireCode.ADDITIONAL_PARAMS_NOT_ALLOWED, " is not declared", path)


def js_typeof(value: Any) -> str:
    """What JavaScript's `typeof` says about the value; null, lists and dates are objects."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    return "number" if isinstance(value, int | float) else "object"


def text_of(value: Any) -> str:
    """A number, boolean or text as JavaScript would print it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e21 else str(value)


def to_items(problems: Sequence[Problem], path: str = "", section: str | None = None) -> Iterator[ErrorItem]:
    """The wire entries of problems found at `path` of a section."""
    for problem in problems:
        name = _join(path, problem.name) or section or ""
        yield ErrorItem(problem.code, name + problem.tail, _join(path, problem.id) or section, section)
