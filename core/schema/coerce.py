"""Types: a raw value to a value of the declared type, one small function per type.

In: a `FieldType` and a mode. Out: a closure value → value that raises `Refused`. Modes: `text` for header, query,
path and forms, `json` for JSON bodies: both convert between text and numbers as mia did; `model` for documents:
nothing is converted, only normalised. Dates become UTC in whole milliseconds, as MongoDB stores them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal

from core.schema.fields import FieldType, Upload
from core.schema.formats import INT64_MAX, INT64_MIN, Format, parse_integer
from core.schema.refused import js_typeof, refuse_type, refuse_value, text_of
from core.schema.stored import check_stored, to_utc

Mode = Literal["text", "json", "model"]
Check = Callable[[Any], Any]

_NUMBER: Final = re.compile(r"\s*[+-]?[0-9.]{1,400}(?:[eE][+-]?[0-9]{1,4})?\s*")
_ISO: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d\d:?\d\d)?)?", re.ASCII
)
_MAIL: Final = re.compile(
    r"(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d(?::\d\d)?(?: (?:GMT|UTC|[+-]\d{4}))?", re.ASCII
)
_FLAGS: Final = {"true": True, "false": False}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_MS, LAST_MS = -62_135_596_800_000, 253_402_300_799_999  # of the calendar


def coerce_for(kind: FieldType, mode: Mode) -> Check:
    """The function that gives a value that is neither list nor object its Python type."""
    if kind.kind == "choice":
        return _choose(kind, mode)
    check = _read_format(kind.format) if kind.format is not None else _CHECKS[kind.kind]
    if mode != "model":
        return check
    if kind.kind in ("any", "map"):
        return check_stored if kind.kind == "any" else lambda value: check_stored(_map(value))
    allowed: Any = kind.format.type if kind.format is not None else _STRICT[kind.kind]

    def check_strict(value: Any) -> Any:
        if not isinstance(value, allowed) or (isinstance(value, bool) and allowed is not bool):
            raise refuse_type(value, kind.name)
        return check_stored(check(value))

    return check_strict


def _text(value: Any) -> str:
    if type(value) is str:
        return value
    if isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return text_of(value)
    raise refuse_type(value, "string")


def _integer(value: Any) -> int:
    if type(value) is int and INT64_MIN <= value <= INT64_MAX:
        return value
    if type(value) is str and len(value) <= 18 and value.isascii() and value.isdigit():
        return int(value)
    try:
        return parse_integer(value)
    except ValueError:
        raise refuse_type(value, "integer") from None


def _number(value: Any) -> float:
    fits = _NUMBER.fullmatch(value) if isinstance(value, str) else isinstance(value, int | float)
    if fits and not isinstance(value, bool):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            raise refuse_type(value, "number") from None
        if math.isfinite(number):
            return number
    raise refuse_type(value, "number")


def _boolean(value: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    if isinstance(value, str):
        text = value if value in _FLAGS else value.lower()
        if text in _FLAGS:
            return _FLAGS[text]
    raise refuse_type(value, "boolean")


def _date(value: Any) -> datetime:
    try:
        return to_utc(value if isinstance(value, datetime) else _parse_date(value))
    except (ValueError, OverflowError):
        raise refuse_type(value, "date") from None


def _parse_date(value: Any) -> datetime:
    """From an ISO date or date-time, a date as in mails, or milliseconds; without a zone it is UTC."""
    if isinstance(value, str):
        if _ISO.fullmatch(value):
            return datetime.fromisoformat(value.upper())
        if _MAIL.fullmatch(value):
            return parsedate_to_datetime(value)
    elif isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1:
        return _EPOCH + timedelta(milliseconds=int(value))
    raise ValueError


def _map(value: Any) -> dict[str, Any]:
    if type(value) is dict:
        return value
    if isinstance(value, Mapping):
        return dict(value)
    raise refuse_type(value, "object")


def _upload(value: Any) -> Upload:
    if isinstance(value, Upload):
        return value
    raise refuse_type(value, "file")


_CHECKS: Final[Mapping[str, Check]] = {
    "text": _text, "integer": _integer, "number": _number, "boolean": _boolean, "date": _date, "map": _map,
    "upload": _upload, "any": lambda value: value,
}  # fmt: skip
_STRICT: Final = {
    "text": str, "integer": int, "number": (int, float), "boolean": bool, "date": datetime, "upload": Upload,
}  # fmt: skip


def _read_format(form: Format) -> Check:
    def check(value: Any) -> Any:
        try:
            return form.parse(value)
        except ValueError:
            raise refuse_type(value, form.name) from None

    return check


def _choose(kind: FieldType, mode: Mode) -> Check:
    """Exactly one of the choices; a member for enums, but the stored value in mode `model`.

    Python takes 1 and True for one key; 1 and 1.0 are one number on the wire. In text, the text stands for it.
    """
    members = kind.enum if kind.enum is not None and mode != "model" else kind.choices
    results = [(getattr(member, "value", member), member) for member in members]
    texts = {text_of(choice): result for choice, result in results if mode == "text" or isinstance(choice, str)}
    others = {(js_typeof(choice), choice): result for choice, result in results}
    types = {js_typeof(choice) for choice in kind.choices} | {"string" for _ in texts}
    hint = f"Use one of the following values: {','.join(map(text_of, kind.choices))}"

    def choose(value: Any) -> Any:
        if type(value) is str and value in texts:
            return texts[value]
        value = getattr(value, "value", value) if isinstance(value, kind.enum or ()) else value
        given = js_typeof(value)
        if given not in types:
            raise refuse_type(value, kind.name)
        if (given, value) not in others:
            raise refuse_value(value, hint)
        return others[given, value]

    return choose
