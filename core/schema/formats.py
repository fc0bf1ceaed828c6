"""Named text and number formats: `IP CIDR Email Timestamp SafeInt ObjectId` and their relatives.

In: a raw value. Out: the value in its proper type, or `ValueError`. Used as plain types by authors:
`address: IP`. Source: mia.js types of the same names in their intended form (mia's `ipv6` accepted only
IPv4, its `cidr` refused /10 to /29, its IP accepted anything containing an address).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from bson import ObjectId as ObjectId  # noqa: PLC0414  authors import it from core

_EMAIL: Final = re.compile(
    r"[^@\s\x00-\x1f]{1,64}@(?=.{1,253}\Z)(?:(?!-)[A-Za-z0-9\-\u0080-\U0010ffff]{1,63}(?<!-)(?:\.(?!\Z)|\Z)){2,}\Z"
)
_HEX: Final = re.compile(r"[0-9a-fA-F]{24}")
SAFE_INTEGER: Final = 2**53 - 1
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class Format:
    """A named format: mia's lower-case name, raw value → proper value or `ValueError`, and the type of that."""

    name: str
    parse: Callable[[Any], Any]
    type: type[Any] = str


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 320:  # longer than any address
        raise ValueError
    return value


def _address(value: Any, *versions: int) -> str:
    """Octets may carry leading zeros, as mia's clients send them; they are read as decimal."""
    text = _text(value)
    if 4 in versions and re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3}){3}", text):
        octets = [int(part) for part in text.split(".")]
        if max(octets) > 255:
            raise ValueError
        return ".".join(map(str, octets))
    if 6 not in versions or "%" in text:
        raise ValueError
    ipaddress.IPv6Address(text)
    return text


def _network(value: Any, *versions: int) -> str:
    address, _, prefix = _text(value).partition("/")
    if not re.fullmatch(r"[0-9]{1,3}", prefix):
        raise ValueError
    text = f"{_address(address, *versions)}/{int(prefix)}"
    ipaddress.ip_network(text, strict=False)
    return text


def parse_integer(value: Any, least: int = INT64_MIN, most: int = INT64_MAX) -> int:
    """A whole number in 64 bits from a number or its decimal text; booleans are not numbers."""
    if isinstance(value, str):
        if not re.fullmatch(r"[+-]?[0-9]{1,40}", value):
            raise ValueError
    elif isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise ValueError
    number = int(value)
    if not least <= number <= most:
        raise ValueError
    return number


def _matching(pattern: re.Pattern[str], value: Any) -> str:
    if not pattern.fullmatch(_text(value)):
        raise ValueError
    return str(value)


def _object_id(value: Any) -> ObjectId:
    return value if isinstance(value, ObjectId) else ObjectId(_matching(_HEX, value))


OBJECT_ID: Final = Format("objectid", _object_id, ObjectId)

IP = Annotated[str, Format("ip", lambda value: _address(value, 4, 6))]
IPv4 = Annotated[str, Format("ipv4", lambda value: _address(value, 4))]
IPv6 = Annotated[str, Format("ipv6", lambda value: _address(value, 6))]
CIDR = Annotated[str, Format("cidr", lambda value: _network(value, 4, 6))]
CIDRv4 = Annotated[str, Format("cidrv4", lambda value: _network(value, 4))]
CIDRv6 = Annotated[str, Format("cidrv6", lambda value: _network(value, 6))]
Email = Annotated[str, Format("email", lambda value: _matching(_EMAIL, value))]
Timestamp = Annotated[int, Format("timestamp", lambda value: parse_integer(value, 10**9, 10**10 - 1), int)]
SafeInt = Annotated[int, Format("safeinteger", lambda value: parse_integer(value, -SAFE_INTEGER, SAFE_INTEGER), int)]
