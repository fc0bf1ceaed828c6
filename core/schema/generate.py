"""Generated functions: the text of one, and the conditions under which a raw value is taken at once.

In: types and rules of fields. Out: Python source that reads like what an author would write by hand, and the function
compiled from it, with the text as `__source__`. What a declaration says gets into the text as the `repr` of a number
or text, else as a name of a constant; what a request says never does. Next: `compiler.py`, `record.py`.
"""

from __future__ import annotations

import linecache
import math
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

from core.schema.fields import FieldType
from core.schema.formats import INT64_MAX, INT64_MIN, ObjectId
from core.schema.pattern import compile_search
from core.schema.refused import text_of
from core.schema.rules import Rule
from core.schema.value import Mode, fold, list_choices

_METHODS: Final = {"lower": ".lower()", "upper": ".upper()", "trim": ".strip()"}
#: a condition, and what the value becomes; both texts
Inline = tuple[str, str]


class Code:
    """A function while it is written: lines of text, and the constants that they name."""

    def __init__(self, head: str) -> None:
        self._lines = [f"def {head}:"]
        self._names: dict[str, Any] = {}

    def add(self, *lines: str, **names: Any) -> None:
        """Add lines of the body; `names` are constants that they use."""
        self._lines += [f"    {line}" for line in lines]
        self._names |= names

    def name(self, value: Any, kind: str = "constant") -> str:
        """How the text speaks of a value."""
        if value is None or type(value) in (str, int, bool) or (type(value) is float and math.isfinite(value)):
            return repr(value)
        name = f"{kind}{len(self._names)}"
        self._names[name] = value
        return name

    def dict(self, items: Iterable[tuple[str, str]]) -> str:
        """A dict display of names and expressions."""
        return f"{{{', '.join(f'{self.name(name)}: {value}' for name, value in items)}}}"

    def compile(self, label: str) -> Callable[..., Any]:
        """The function; `label` is what tracebacks call its file."""
        source, file = "\n".join(self._lines) + "\n", f"<{label}>"
        exec(compile(source, file, "exec"), self._names)  # noqa: S102  made of declarations, see above
        linecache.cache[file] = len(source), None, source.splitlines(keepends=True), file
        made: Callable[..., Any] = self._names[source[4 : source.index("(")]]
        made.__source__ = source  # type: ignore[attr-defined]
        return made


def inline_check(kind: FieldType, rule: Rule, mode: Mode, value: str, code: Code, filled: bool) -> Inline | None:
    """When the value of this name is right as it comes, and what becomes of it; `None` where only a call can tell.

    What fails the condition may still be right. `filled`: empty text is no value.
    """
    made = f"made_{value}"
    if kind.item is not None:
        return _inline_list(kind.item, kind.item_rule or rule, mode, value, code)
    if kind.kind == "text":
        return _inline_text(rule, mode, value, made, code, filled)
    if kind.kind in ("integer", "number") and not (rule.allow or rule.deny or rule.match):
        return _inline_number(kind, rule, mode, value, made, code)
    if kind.kind == "boolean":
        given = f"{value} == 'true' or {value} == 'false'" if mode == "text" else f"{value} is True or {value} is False"
        return given, f"{value} == 'true'" if mode == "text" else value
    if kind.kind == "choice":
        choices = reversed(list_choices(kind, mode))  # the first of a kind counts
        texts = {text_of(choice): made for choice, made in choices if mode == "text" or isinstance(choice, str)}
        same = all(text is result for text, result in texts.items())
        known = code.name(frozenset(texts) if same else texts, "choices")
        return f"type({value}) is str and {value} in {known}", value if same else f"{known}[{value}]"
    if kind.kind == "any" and mode != "model":
        return (f"{value} is not MISSING and {value} is not None and {value} != ''" if filled else "True"), value
    if kind.kind == "map" and mode != "model":
        return f"type({value}) is dict", value
    if kind.name == "objectid" or kind.kind == "any":
        return f"type({value}) is {code.name(ObjectId, 'ObjectId')}", value
    if kind.kind == "date" and mode == "model":
        stored = f"type({value}) is {code.name(datetime, 'datetime')} and {value}.tzinfo is {code.name(UTC, 'UTC')}"
        return f"{stored} and not {value}.microsecond % 1000", value
    return None


def _inline_list(item: FieldType, rule: Rule, mode: Mode, value: str, code: Code) -> Inline | None:
    inner = inline_check(item, rule, mode, f"item_{value}", code, False)
    if inner is None or item.item is not None:
        return None
    taken = f"(made := [{inner[1]} for item_{value} in {value} if {inner[0]}])"
    return f"type({value}) is list and len({taken}) == len({value})", "made"


def _inline_text(rule: Rule, mode: Mode, value: str, made: str, code: Code, filled: bool) -> Inline:
    conditions = [f"type({value}) is str", *([f"{value}.isascii()"] if mode == "model" else [])]
    conditions += _between(f"len({value})", max(rule.min_length or 0, int(filled)) or None, rule.max_length, code)
    if rule.allow:
        conditions.append(f"{value}.lower() in {code.name(fold(rule.allow), 'allowed')}")
    if rule.allow_multiple:
        conditions.append(f"{code.name(fold(rule.allow_multiple), 'allowed')}.issuperset({value}.lower().split(','))")
    if rule.deny:
        conditions.append(f"{value}.lower() not in {code.name(fold(rule.deny), 'denied')}")
    if rule.match is not None:
        conditions.append(f"{code.name(compile_search(rule.match, rule.match_flags), 'found')}({value})")
    result = value + "".join(_METHODS[name] for name in rule.convert)
    if filled and "trim" in rule.convert:
        conditions.append(f"({made} := {result})")
        result = made
    return " and ".join(conditions), result


def _inline_number(kind: FieldType, rule: Rule, mode: Mode, value: str, made: str, code: Code) -> Inline | None:
    whole, least, most = kind.kind == "integer", rule.min, rule.max
    if mode == "text":
        if not whole:
            return None
        digits = [f"type({value}) is str and len({value}) <= 18 and {value}.isascii() and {value}.isdigit()"]
        limits = _between(f"({made} := int({value}))", least, most, code)
        return " and ".join(digits + limits), made if limits else f"int({value})"
    first, last = (INT64_MIN, INT64_MAX) if whole else (-sys.float_info.max, sys.float_info.max)
    least, most = first if least is None else max(first, least), last if most is None else min(last, most)
    limits = _between(value, least, most, code)
    return " and ".join([f"type({value}) is {'int' if whole else 'float'}", *limits]), value


def _between(measured: str, least: float | None, most: float | None, code: Code) -> list[str]:
    low = "" if least is None else f"{code.name(least)} <= "
    high = "" if most is None else f" <= {code.name(most)}"
    return [f"{low}{measured}{high}"] if low or high else []
