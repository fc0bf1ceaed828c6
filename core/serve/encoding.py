"""Values to JSON bytes: one encoder for answers, with one default for what JSON does not know.

In: what steps return: models, documents, plain data. Out: bytes. Next: `response.py`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Final

import orjson
from bson import Decimal128, ObjectId

_OPTIONS: Final = orjson.OPT_PASSTHROUGH_DATETIME


def encode_json(value: Any) -> bytes:
    """JSON in UTF-8.

    Times are ISO 8601 in UTC with milliseconds and `Z`, as JavaScript writes them; a naive time is UTC.
    ObjectIds are hex, decimals are texts, bytes are base64, NaN is null; objects with `__wire__()` (params,
    models) are what it returns.

    Raises:
        TypeError: a value has no JSON form, or an integer exceeds 64 bits.
    """
    return orjson.dumps(value, default=_encode_other, option=_OPTIONS)


def _encode_other(value: Any) -> Any:
    encode = _ENCODERS.get(type(value))
    if encode is not None:
        return encode(value)
    wire = getattr(value, "__wire__", None)
    if wire is not None:
        return wire()
    for kind, encode in _ENCODERS.items():
        if isinstance(value, kind):
            return encode(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _encode_datetime(value: datetime) -> str:
    if value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    return value.isoformat(timespec="milliseconds") + "Z"


def _encode_bytes(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


# Subclasses are found in this order: a datetime is a date, too.
_ENCODERS: Final[dict[type[Any], Callable[[Any], Any]]] = {
    datetime: _encode_datetime,
    ObjectId: str,
    date: date.isoformat,
    time: time.isoformat,
    Decimal128: str,
    Decimal: str,
    bytes: _encode_bytes,
    set: list,
    frozenset: list,
    Mapping: dict,
}
