"""One value that is neither list nor object: its type, then the rules about it, in mia's order.

In: a raw value, its `FieldType`, its `Rule` and a mode. Out: the converted value, or `Refused` with the first rule it
breaks. Modes: `text` for header, query, path and forms, `json` for JSON bodies: both convert between text and numbers
as mia did; `model` for documents: nothing is converted, only normalised. Dates become UTC in whole milliseconds, as
MongoDB stores them. `generate.py` knows the same about most values; here is all of it. Next: `compiler.py`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal

from core.errors import WireCode
from core.schema.fields import FieldType
from core.schema.formats import parse_integer
from core.schema.pattern import compile_search
from core.schema.refused import js_typeof, refuse, refuse_type, refuse_value, text_of
from core.schema.rules import CONVERSIONS, Rule
from core.schema.stored import check_stored, to_utc
from core.schema.upload import Upload

Mode = Literal["text", "json", "model"]

_NUMBER: Final = re.compile(r"\s*[+-]?[0-9.]{1,400}(?:[eE][+-]?[0-9]{1,4})?\s*")
_ISO: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d\d:?\d\d)?)?", re.ASCII
)
_MAIL: Final = re.compile(
    r"(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d(?::\d\d)?(?: (?:GMT|UTC|[+-]\d{4}))?", re.ASCII
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_MS, LAST_MS = -62_135_596_800_000, 253_402_300_799_999  # of the calendar
_ALLOW: Final = "Use one of the following values"
_SEVERAL: Final = "Use one or more of the following string values separated by comma without blank spaces"
_DENY: Final = "Do not use one of the following values"


def check_value(kind: FieldType, rule: Rule, mode: Mode, value: Any) -> Any:
    """The value in its Python type, converted; refused by the first limit that it breaks."""
    value = coerce(kind, mode, value)
    if rule.min_length is not None and len(value) < rule.min_length:
        raise refuse(WireCode.MIN_LENGTH_UNDERACHIEVED, f" length is less than {rule.min_length} chars")
    if rule.max_length is not None and len(value) > rule.max_length:
        raise refuse(WireCode.MAX_LENGTH_EXCEEDED, f" length is more than {rule.max_length} chars")
    if rule.min is not None and value < rule.min:
        raise refuse(WireCode.MIN_VALUE_UNDERACHIVED, f" value is less than {text_of(rule.min)}")
    if rule.max is not None and value > rule.max:
        raise refuse(WireCode.MAX_VALUE_EXCEEDED, f" value is more than {text_of(rule.max)}")
    if rule.allow or rule.allow_multiple or rule.deny:
        text = text_of(value).lower()
        _check_listed(value, rule.allow, _ALLOW, text in fold(rule.allow))
        _check_listed(value, rule.allow_multiple, _SEVERAL, fold(rule.allow_multiple).issuperset(text.split(",")))
        _check_listed(value, rule.deny, _DENY, text not in fold(rule.deny))
    if rule.match is not None and not compile_search(rule.match, rule.match_flags)(text_of(value)):
        raise refuse(WireCode.PATTERN_MISMATCH, f" does not match pattern {rule.pattern}")
    for name in rule.convert:
        value = CONVERSIONS[name](value)
    return value


def fold(values: tuple[Any, ...]) -> frozenset[str]:
    """Values as lists compare them, as text and without case: the number 2 and the text "2" are the same."""
    return frozenset(text_of(value).lower() for value in values)


def _check_listed(value: Any, values: tuple[Any, ...], hint: str, fits: bool) -> None:
    if values and not fits:
        raise refuse_value(value, f"{hint}: {','.join(map(text_of, values))}")


def coerce(kind: FieldType, mode: Mode, value: Any) -> Any:
    """The value in its Python type."""
    if kind.kind == "choice":
        return _choose(kind, mode, value)
    read = _READ.get(kind.kind) if kind.format is None else kind.format.parse
    if mode == "model" or read is None:
        stored = _STORED[kind.kind] if kind.format is None else kind.format.type
        if not isinstance(value, stored) or (isinstance(value, bool) and stored not in (bool, object)):
            raise refuse_type(value, kind.name)
    try:
        value = value if read is None else read(value)
    except (ValueError, OverflowError):
        raise refuse_type(value, kind.name) from None
    return check_stored(value) if mode == "model" else value


def list_choices(kind: FieldType, mode: Mode) -> list[tuple[Any, Any]]:
    """Choices as on the wire, and what they become: members of an enum, but the stored value in mode `model`."""
    members = kind.enum if kind.enum is not None and mode != "model" else kind.choices
    return [(getattr(member, "value", member), member) for member in members]


def _choose(kind: FieldType, mode: Mode, value: Any) -> Any:
    """Exactly one of the choices. Python takes 1 and True for one key; 1 and 1.0 are one number on the wire."""
    value = value.value if kind.enum is not None and isinstance(value, kind.enum) else value
    given = js_typeof(value)
    as_text = mode == "text" and given == "string"
    for choice, result in list_choices(kind, mode):
        if text_of(choice) == value if as_text else js_typeof(choice) == given and choice == value:
            return result
    if as_text or given in map(js_typeof, kind.choices):
        raise refuse_value(value, f"Use one of the following values: {','.join(map(text_of, kind.choices))}")
    raise refuse_type(value, kind.name)


def _read_text(value: Any) -> str:
    if isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return text_of(value)
    raise ValueError


def _read_number(value: Any) -> float:
    fits = _NUMBER.fullmatch(value) if isinstance(value, str) else isinstance(value, int | float)
    if not fits or isinstance(value, bool) or not math.isfinite(float(value)):
        raise ValueError
    return float(value)


def _read_flag(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if isinstance(value, bool):
        return value
    raise ValueError


def _read_date(value: Any) -> datetime:
    """From an ISO date or date-time, a date as in mails, or milliseconds; without a zone it is UTC."""
    if isinstance(value, str):
        if _ISO.fullmatch(value):
            return to_utc(datetime.fromisoformat(value.upper()))
        if _MAIL.fullmatch(value):
            return to_utc(parsedate_to_datetime(value))
    elif isinstance(value, datetime):
        return to_utc(value)
    elif isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1:
        return _EPOCH + timedelta(milliseconds=int(value))
    raise ValueError


_READ: Final[Mapping[str, Callable[[Any], Any]]] = {
    "text": _read_text, "integer": parse_integer, "number": _read_number, "boolean": _read_flag, "date": _read_date,
}  # fmt: skip
_STORED: Final[Mapping[str, Any]] = {
    "text": str, "integer": int, "number": (int, float), "boolean": bool, "date": datetime, "map": Mapping,
    "upload": Upload, "any": object,
}  # fmt: skip
