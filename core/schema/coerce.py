"""Types: a raw value to a value of the declared type, one small function per type and mode.

In: a `FieldType` and a mode. Out: a closure value → value that raises `Refused`. Three modes: `text` for
header, query, path and forms (everything arrives as text), `json` for JSON bodies (mia's conversions between
text and numbers), `model` for documents (nothing is converted, only normalised). Next: `limits.py`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Literal

from core.schema.dates import from_milliseconds, parse_date, to_utc
from core.schema.fields import FieldType, Upload
from core.schema.formats import INT64_MAX, INT64_MIN, Format, parse_integer
from core.schema.refused import refuse_type
from core.schema.stored import check_stored, check_stored_map

Mode = Literal["text", "json", "model"]
Check = Callable[[Any], Any]

_NUMBER: Final = re.compile(
    r"\s{0,8}[+-]?(?:[0-9]{1,320}(?:\.[0-9]{0,320})?|\.[0-9]{1,320})(?:[eE][+-]?[0-9]{1,4})?\s{0,8}"
)
_SAFE_DIGITS: Final = 18
_FLAGS: Final = {"true": True, "false": False}
_JS_EXPONENT: Final = 1e21


def coerce_for(kind: FieldType, mode: Mode) -> Check:
    """The function that gives a scalar of this type its Python type."""
    if kind.kind == "format":
        assert kind.format is not None
        return _format(kind.format, mode)
    return _SCALARS[kind.kind, mode]


def text_of(value: float | str) -> str:
    """A number, boolean or text as JavaScript would print it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < _JS_EXPONENT:
        return str(int(value))
    return str(value)


def _text_text(value: Any) -> str:
    if type(value) is str:
        return value
    raise refuse_type(value, "string")


def _text_json(value: Any) -> str:
    if type(value) is str:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return text_of(value)
    raise refuse_type(value, "string")


def _text_model(value: Any) -> str:
    if not isinstance(value, str):
        raise refuse_type(value, "string")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:  # half of a surrogate pair: BSON cannot hold it
            raise refuse_type(value, "string") from None
    return value if type(value) is str else str.__str__(value)


def _integer_text(value: Any) -> int:
    if type(value) is str:
        if len(value) <= _SAFE_DIGITS and value.isascii() and value.isdigit():
            return int(value)
        try:
            return parse_integer(value)
        except ValueError:
            pass
    raise refuse_type(value, "integer")


def _integer_json(value: Any) -> int:
    if type(value) is int and INT64_MIN <= value <= INT64_MAX:
        return value
    try:
        return parse_integer(value)
    except ValueError:
        raise refuse_type(value, "integer") from None


def _integer_model(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and INT64_MIN <= value <= INT64_MAX:
        return value
    raise refuse_type(value, "integer")


def _number_text(value: Any) -> float:
    if type(value) is str and _NUMBER.fullmatch(value):
        number = float(value)
        if math.isfinite(number):
            return number
    raise refuse_type(value, "number")


def _number_json(value: Any) -> float:
    return _number_text(value) if type(value) is str else _number_model(value)


def _number_model(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            raise refuse_type(value, "number") from None
        if math.isfinite(number):
            return number
    raise refuse_type(value, "number")


def _boolean(value: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    if isinstance(value, str):
        flag = _FLAGS.get(value)
        if flag is None:
            flag = _FLAGS.get(value.lower())
        if flag is not None:
            return flag
    raise refuse_type(value, "boolean")


def _boolean_model(value: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    raise refuse_type(value, "boolean")


def _date_text(value: Any) -> datetime:
    if isinstance(value, str):
        try:
            return parse_date(value)
        except ValueError:
            pass
    raise refuse_type(value, "date")


def _date_json(value: Any) -> datetime:
    if isinstance(value, str):
        return _date_text(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return from_milliseconds(value)
        except ValueError:
            raise refuse_type(value, "date") from None
    return _date_model(value)


def _date_model(value: Any) -> datetime:
    if isinstance(value, datetime):
        try:
            return to_utc(value)
        except ValueError:
            pass
    raise refuse_type(value, "date")


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


def _any(value: Any) -> Any:
    return value


def _format(form: Format, mode: Mode) -> Check:
    parse, name = form.parse, form.name

    def check(value: Any) -> Any:
        try:
            return parse(value)
        except ValueError:
            raise refuse_type(value, name) from None

    def check_strict(value: Any) -> Any:
        parsed = check(value)
        if type(parsed) is not type(value):
            raise refuse_type(value, name)
        return parsed

    return check_strict if mode == "model" else check


_SCALARS: Final[Mapping[tuple[str, Mode], Check]] = {
    ("text", "text"): _text_text,
    ("text", "json"): _text_json,
    ("text", "model"): _text_model,
    ("integer", "text"): _integer_text,
    ("integer", "json"): _integer_json,
    ("integer", "model"): _integer_model,
    ("number", "text"): _number_text,
    ("number", "json"): _number_json,
    ("number", "model"): _number_model,
    ("boolean", "text"): _boolean,
    ("boolean", "json"): _boolean,
    ("boolean", "model"): _boolean_model,
    ("date", "text"): _date_text,
    ("date", "json"): _date_json,
    ("date", "model"): _date_model,
    ("map", "text"): _map,
    ("map", "json"): _map,
    ("any", "text"): _any,
    ("any", "json"): _any,
    ("map", "model"): check_stored_map,
    ("any", "model"): check_stored,
    ("upload", "text"): _upload,
    ("upload", "json"): _upload,
    ("upload", "model"): _upload,
}
