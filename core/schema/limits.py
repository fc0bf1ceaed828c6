"""Rules about values of the right type: lengths, limits, allow and deny lists, patterns, conversions.

In: a `Rule`. Out: a tuple of small functions that raise `Refused`, and one that converts. Chosen when a class
is compiled, so that a value only meets the rules its field has. Order: mia's (`docs/decisions`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from core.errors import WireCode
from core.schema.coerce import text_of
from core.schema.pattern import compile_pattern, print_pattern
from core.schema.refused import refuse
from core.schema.rules import Rule

Limit = Callable[[Any], object]


def compile_limits(rule: Rule) -> dict[str, Limit]:
    """The checks of a rule by name, in the order in which they run; each expects a fitting value.

    Raises:
        ValueError: the pattern is no pattern.
    """
    limits: dict[str, Limit] = {}
    if rule.min_length is not None or rule.max_length is not None:
        limits["length"] = _length(rule.min_length, rule.max_length)
    if rule.min is not None or rule.max is not None:
        limits["range"] = _range(rule.min, rule.max)
    if rule.allow:
        limits["allow"] = _allow(rule.allow)
    if rule.allow_multiple:
        limits["allow_multiple"] = _allow_multiple(rule.allow_multiple)
    if rule.deny:
        limits["deny"] = _deny(rule.deny)
    if rule.match is not None:
        limits["match"] = _match(rule.match, rule.match_flags)
    return limits


def compile_convert(rule: Rule) -> Callable[[str], str] | None:
    """The conversions of a rule as one function, or `None`."""
    steps: list[Callable[[str], str]] = [_CONVERSIONS[name] for name in rule.convert]
    if len(steps) < 2:
        return steps[0] if steps else None

    def convert(value: str) -> str:
        for step in steps:
            value = step(value)
        return value

    return convert


_CONVERSIONS: dict[str, Callable[[str], str]] = {"lower": str.lower, "upper": str.upper, "trim": str.strip}


def _length(least: int | None, most: int | None) -> Limit:
    def check_least(value: str) -> None:
        if len(value) < least:  # type: ignore[operator]  # chosen only where it is a number
            raise refuse(WireCode.MIN_LENGTH_UNDERACHIEVED, f" length is less than {least} chars")

    def check_most(value: str) -> None:
        if len(value) > most:  # type: ignore[operator]
            raise refuse(WireCode.MAX_LENGTH_EXCEEDED, f" length is more than {most} chars")

    def check_both(value: str) -> None:
        if not least <= len(value) <= most:  # type: ignore[operator]
            check_least(value)
            check_most(value)

    return check_most if least is None else check_least if most is None else check_both


def _range(least: float | None, most: float | None) -> Limit:
    def check_least(value: float) -> None:
        if value < least:  # type: ignore[operator]
            raise refuse(WireCode.MIN_VALUE_UNDERACHIVED, f" value is less than {text_of(least or 0)}")

    def check_most(value: float) -> None:
        if value > most:  # type: ignore[operator]
            raise refuse(WireCode.MAX_VALUE_EXCEEDED, f" value is more than {text_of(most or 0)}")

    def check_both(value: float) -> None:
        if not least <= value <= most:  # type: ignore[operator]
            check_least(value)
            check_most(value)

    return check_most if least is None else check_least if most is None else check_both


def loose_set(values: Iterable[Any]) -> Callable[[str | float], bool]:
    """Membership as mia compares: text without case, and text that reads like a number equals the number."""
    listed = tuple(values)
    texts = frozenset(value.lower() for value in listed if isinstance(value, str))
    numbers = frozenset(value for value in listed if isinstance(value, int | float))
    all_numbers = numbers | {number for text in texts if (number := _number_in(text)) is not None}

    def contains(value: str | float) -> bool:
        if not isinstance(value, str):
            return value in all_numbers
        return value.lower() in texts or (bool(numbers) and _number_in(value) in numbers)

    return contains


def _number_in(text: str) -> float | None:
    try:
        return float(text) if text[:1].lower() not in ("i", "n", "_", "") and "_" not in text else None
    except ValueError:
        return None


def _listed(values: Sequence[Any]) -> str:
    return ",".join(text_of(value) for value in values)


def not_allowed(value: Any, choices: Sequence[Any]) -> Exception:
    """The refusal of a value outside a list of choices."""
    tail = f" value '{text_of(value)}' is not allowed. Use one of the following values: {_listed(choices)}"
    return refuse(WireCode.VALUE_NOT_ALLOWED, tail)


def _allow(values: tuple[Any, ...]) -> Limit:
    contains = loose_set(values)

    def check(value: str | float) -> None:
        if not contains(value):
            raise not_allowed(value, values)

    return check


def _allow_multiple(values: tuple[str, ...]) -> Limit:
    texts = frozenset(text_of(value).lower() for value in values)
    how = "Use one or more of the following string values separated by comma without blank spaces"
    hint = f"{how}: {_listed(values)}"

    def check(value: str | float) -> None:
        if not texts.issuperset(text_of(value).lower().split(",")):
            raise refuse(WireCode.VALUE_NOT_ALLOWED, f" value '{text_of(value)}' is not allowed. {hint}")

    return check


def _deny(values: tuple[Any, ...]) -> Limit:
    contains = loose_set(values)
    hint = f"Do not use one of the following values: {_listed(values)}"

    def check(value: str | float) -> None:
        if contains(value):
            raise refuse(WireCode.VALUE_NOT_ALLOWED, f" value '{text_of(value)}' is not allowed. {hint}")

    return check


def _match(pattern: str, flags: int) -> Limit:
    search = compile_pattern(pattern, flags)
    tail = f" does not match pattern {print_pattern(pattern, flags)}"

    def check(value: str | float) -> None:
        if not search(value if isinstance(value, str) else text_of(value)):
            raise refuse(WireCode.PATTERN_MISMATCH, tail)

    return check
