"""What may be stored: names of keys, and values that BSON can hold.

In: a value of a document. Out: the same value, normalised, or `Refused`. Keys that MongoDB or a JavaScript
reader would take for something else are refused at any depth, although the server would store them.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from bson import DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.binary import Binary
from bson.code import Code

from core.errors import WireCode
from core.schema.formats import INT64_MAX, INT64_MIN
from core.schema.refused import Refused, refuse

_RESERVED: Final = frozenset({"__proto__", "constructor", "prototype"})
_ATOMS: Final = (
    bool, float, bytes, re.Pattern, uuid.UUID, ObjectId, Decimal128, Int64, Binary, Code, Regex, Timestamp,
    DBRef, MinKey, MaxKey, type(None),
)  # fmt: skip
_DEEPEST: Final = 90  # MongoDB stores 100 levels; a free-form field is some levels down already


def is_storable_key(key: Any) -> bool:
    """Whether a document may use this name for a field."""
    if not isinstance(key, str) or not key or key[0] == "$" or key in _RESERVED:
        return False
    return "." not in key and "\0" not in key and _is_encodable(key)


def _is_encodable(text: str) -> bool:
    """Half a surrogate pair cannot be written as UTF-8."""
    return text.isascii() or text == text.encode(errors="ignore").decode()


def to_utc(value: datetime) -> datetime:
    """The same moment in UTC, in whole milliseconds; without a zone it is UTC. `OverflowError` outside the calendar."""
    moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def check_stored(value: Any, depth: int = 0) -> Any:
    """A value as it may be stored; refused with the path of the first key or value that cannot be."""
    if isinstance(value, str) and _is_encodable(value):
        return str.__str__(value)
    if isinstance(value, _ATOMS):
        return value
    if isinstance(value, int) and INT64_MIN <= value <= INT64_MAX:
        return int(value)
    if depth > _DEEPEST:
        raise refuse(WireCode.VALUE_NOT_ALLOWED, " is nested too deep to be stored")
    if isinstance(value, Mapping):
        return {_check_key(key): _check_inner(inner, key, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_check_inner(inner, f"[{index}]", depth + 1) for index, inner in enumerate(value, 1)]
    if isinstance(value, datetime):
        try:
            return to_utc(value)
        except OverflowError:
            pass
    raise refuse(WireCode.UNEXPECTED_TYPE, f" holds a value that cannot be stored: {type(value).__name__}")


def _check_inner(value: Any, path: str, depth: int) -> Any:
    try:
        return check_stored(value, depth)
    except Refused as refused:
        raise refused.under(path) from None


def _check_key(key: Any) -> str:
    if not is_storable_key(key):
        name = key if isinstance(key, str) and key else repr(key)
        raise refuse(WireCode.VALUE_NOT_ALLOWED, " is no name that a document may use", name)
    return str.__str__(key)
