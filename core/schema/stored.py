"""What may be stored: names of keys, and values that BSON can hold.

In: a free-form value of a document. Out: the same value, or `Refused`. Keys that MongoDB or a JavaScript
reader would take for something else are refused at any depth, although the server would store them.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from bson import DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.binary import Binary
from bson.code import Code

from core.errors import WireCode
from core.schema.dates import to_utc
from core.schema.formats import INT64_MAX, INT64_MIN
from core.schema.refused import Problem, Refused, refuse, refuse_type

RESERVED_KEYS: Final = frozenset({"__proto__", "constructor", "prototype"})
_ATOMS: Final = (
    bool, float, bytes, re.Pattern, uuid.UUID, ObjectId, Decimal128, Int64, Binary, Code, Regex, Timestamp,
    DBRef, MinKey, MaxKey,
)  # fmt: skip
_DEEPEST: Final = 90  # MongoDB stores 100 levels; a free-form field is some levels down already


def is_storable_key(key: Any) -> bool:
    """Whether a document may use this name for a field."""
    return (
        isinstance(key, str)
        and key != ""
        and key[0] != "$"
        and "." not in key
        and "\0" not in key
        and key not in RESERVED_KEYS
        and is_encodable(key)
    )


def is_encodable(text: str) -> bool:
    """Whether text can be written as UTF-8; half a surrogate pair cannot."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_stored(value: Any) -> Any:
    """A free-form value as it may be stored; dates in UTC milliseconds.

    Raises:
        Refused: names the path of the first key or value that cannot be stored.
    """
    return _check(value, 0)


def check_stored_map(value: Any) -> Any:
    """The same for a field that must be an object."""
    if not isinstance(value, Mapping):
        raise refuse_type(value, "object")
    return _check(value, 0)


def _check(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping | list | tuple):
        if depth > _DEEPEST:
            raise refuse(WireCode.VALUE_NOT_ALLOWED, " is nested too deep to be stored")
        if isinstance(value, Mapping):
            return {_check_key(key): _inside(inner, key, depth) for key, inner in value.items()}
        return [_inside(inner, f"[{index}]", depth) for index, inner in enumerate(value, 1)]
    if value is None or isinstance(value, _ATOMS):
        return value
    if isinstance(value, str):
        text = str.__str__(value)
        if is_encodable(text):
            return text
    elif isinstance(value, datetime):
        try:
            return to_utc(value)
        except ValueError:
            pass
    elif isinstance(value, int) and INT64_MIN <= value <= INT64_MAX:
        return int(value)
    raise refuse(WireCode.UNEXPECTED_TYPE, f" holds a value that cannot be stored: {type(value).__name__}")


def _inside(value: Any, path: str, depth: int) -> Any:
    try:
        return _check(value, depth + 1)
    except Refused as refused:
        raise Refused([problem.under(path) for problem in refused.problems]) from None


def _check_key(key: Any) -> str:
    if not is_storable_key(key):
        tail = " is no name that a document may use"
        name = key if isinstance(key, str) and key else repr(key)
        raise Refused([Problem(WireCode.VALUE_NOT_ALLOWED, tail, name, name)])
    return str.__str__(key)
