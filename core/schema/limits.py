"""Rules about values of the right type: lengths, limits, allow and deny lists, patterns, conversions.

In: a `Rule`. Out: a tuple of small functions that raise `Refused`, and one that converts. Chosen when a class
is compiled, so that a value only meets the rules its field has. Order: mia's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import reduce
from typing import Any, Final

from core.errors import WireCode
from core.schema.refused import refuse, refuse_value, text_of
from core.schema.rules import Rule, flag_letters

Limit = Callable[[Any], object]

_BACKTRACKING_LIMIT: Final = 256
_PORTABLE: Final = re.IGNORECASE | re.MULTILINE | re.DOTALL | re.ASCII
_CONVERSIONS: Final[dict[str, Callable[[str], str]]] = {"lower": str.lower, "upper": str.upper, "trim": str.strip}
_SEVERAL: Final = "Use one or more of the following string values separated by comma without blank spaces"


def compile_limits(rule: Rule) -> tuple[Limit, ...]:
    """The checks of a rule in the order in which they run; `ValueError` where its pattern is no pattern."""
    limits: list[Limit] = []
    if rule.min_length is not None or rule.max_length is not None:
        limits.append(_length(rule.min_length, rule.max_length))
    if rule.min is not None or rule.max is not None:
        limits.append(_range(rule.min, rule.max))
    for values, hint, keeps in (
        (rule.allow, "Use one of the following values", frozenset[str].__contains__),
        (rule.allow_multiple, _SEVERAL, lambda texts, text: texts.issuperset(text.split(","))),
        (rule.deny, "Do not use one of the following values", lambda texts, text: text not in texts),
    ):
        if values:
            limits.append(_listed(values, hint, keeps))
    if rule.match is not None:
        limits.append(_match(rule))
    return tuple(limits)


def compile_convert(rule: Rule) -> Callable[[str], str] | None:
    """The conversions of a rule as one function, or `None`; `ValueError` for an unknown one."""
    unknown = set(rule.convert) - set(_CONVERSIONS)
    if unknown:
        raise ValueError(f"there is no conversion '{unknown.pop()}' ({', '.join(_CONVERSIONS)})")
    steps = [_CONVERSIONS[name] for name in rule.convert]
    return (lambda value: reduce(lambda text, step: step(text), steps, value)) if steps else None


def _length(least: int | None, most: int | None) -> Limit:
    low, high = least or 0, math.inf if most is None else most

    def check(value: str) -> None:
        if not low <= len(value) <= high:
            if len(value) < low:
                raise refuse(WireCode.MIN_LENGTH_UNDERACHIEVED, f" length is less than {low} chars")
            raise refuse(WireCode.MAX_LENGTH_EXCEEDED, f" length is more than {high} chars")

    return check


def _range(least: float | None, most: float | None) -> Limit:
    low, high = -math.inf if least is None else least, math.inf if most is None else most

    def check(value: float) -> None:
        if not low <= value <= high:
            if value < low:
                raise refuse(WireCode.MIN_VALUE_UNDERACHIVED, f" value is less than {text_of(low)}")
            raise refuse(WireCode.MAX_VALUE_EXCEEDED, f" value is more than {text_of(high)}")

    return check


def _listed(values: tuple[Any, ...], hint: str, keeps: Callable[[frozenset[str], str], bool]) -> Limit:
    """Compared as text and without case: the number 2 and the text "2" are the same."""
    texts = frozenset(text_of(value).lower() for value in values)
    hint = f"{hint}: {','.join(map(text_of, values))}"

    def check(value: str | float) -> None:
        if not keeps(texts, text_of(value).lower()):
            raise refuse_value(value, hint)

    return check


def _match(rule: Rule) -> Limit:
    assert rule.match is not None
    search = _compile_linear(rule.match, rule.match_flags) or _compile_backtracking(rule.match, rule.match_flags)
    tail = f" does not match pattern {rule.pattern}"

    def check(value: str | float) -> None:
        if not search(text_of(value)):
            raise refuse(WireCode.PATTERN_MISMATCH, tail)

    return check


def _compile_linear(pattern: str, flags: int) -> Callable[[str], bool] | None:
    """RE2, through its set of one pattern: the interface that does not pay for groups (0.5 against 4 µs)."""
    try:
        import re2  # with the first pattern only
    except ImportError:  # no wheel for this interpreter
        return None
    options = re2.Options()
    options.log_errors = False
    letters = flag_letters(flags)
    searches: Any = re2.Set.SearchSet(options)
    try:
        searches.Add(f"(?{letters}){pattern}" if letters else pattern)
    except re2.error:
        return None
    searches.Compile()
    return None if flags & ~_PORTABLE else lambda text: bool(searches.Match(text.encode(errors="replace")))


def _compile_backtracking(pattern: str, flags: int) -> Callable[[str], bool]:
    """Python's own search, for patterns that RE2 refuses; cut short, as its time may explode."""
    try:
        find = re.compile(pattern, flags).search
    except re.error as error:
        raise ValueError(f"'{pattern}' is no pattern: {error}") from None
    return lambda text: len(text) <= _BACKTRACKING_LIMIT and find(text) is not None
