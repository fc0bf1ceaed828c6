"""What answers are made of: JSON bytes, and header fields that cannot be split.

In: what steps return, and names and values of headers as text. Out: bytes. Next: `response.py`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import orjson
from bson import Decimal128, ObjectId

#: a header as it is sent; the name in lower case
RawHeader = tuple[bytes, bytes]

NOSNIFF: Final[RawHeader] = (b"x-content-type-options", b"nosniff")
#: for data: a browser that opens it as a page may load and run nothing
CSP_DATA: Final[RawHeader] = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
#: for files: pages may use what comes from this server, and be framed by it
CSP_PAGE: Final[RawHeader] = (
    b"content-security-policy",
    b"default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'self'",
)
HOP_HEADERS: Final = frozenset({"connection", "keep-alive", "transfer-encoding"})  #: not for a step to set
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def encode_header(name: str, value: str) -> RawHeader:
    """A header as it is sent; no text from a request can add another one or a second answer.

    Raises:
        ValueError: no header has this name, or a step must not set it; the value contains a control character or one
            outside latin-1.
    """
    raw_name = _encode_name(name)
    if not (value.isascii() and value.isprintable()) and not _VALUE.fullmatch(value):  # the pattern takes longer
        raise ValueError(f"the value of header {name} contains a line break, or a character outside latin-1")
    return raw_name, value.strip(" \t").encode("latin-1")


@lru_cache(maxsize=512)
def _encode_name(name: str) -> bytes:
    if not _NAME.fullmatch(name) or name.lower() in HOP_HEADERS:
        raise ValueError(f"{name!r} is not a header name, or belongs to the connection")
    return name.lower().encode("ascii")


def encode_json(value: Any) -> bytes:
    """JSON in UTF-8.

    Times are ISO 8601 in UTC with milliseconds and `Z`, as JavaScript writes them; a naive time is UTC.
    ObjectIds are hex, decimals are texts, bytes are base64, NaN is null; objects with `__wire__()` (params,
    models) are what it returns.

    Raises:
        TypeError: a value has no JSON form, or an integer exceeds 64 bits.
    """
    return orjson.dumps(value, _encode_other, orjson.OPT_PASSTHROUGH_DATETIME)


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
    text = value.isoformat(timespec="milliseconds")
    if value.tzinfo is None:
        return f"{text}Z"
    return f"{text[:-6]}Z" if text.endswith("+00:00") else _encode_datetime(value.astimezone(UTC))


# Subclasses are found in this order: a datetime is a date, too.
_ENCODERS: Final[dict[type[Any], Callable[[Any], Any]]] = {
    datetime: _encode_datetime,
    ObjectId: str,
    date: date.isoformat,
    time: time.isoformat,
    Decimal128: str,
    Decimal: str,
    bytes: lambda value: base64.b64encode(value).decode("ascii"),
    set: list,
    frozenset: list,
    Mapping: dict,
}
