"""The first look at a request: method, target, headers and Host, before anything is decided from them.

In: what the server received, as bytes. Out: the decoded path, headers by name, and the host; or an
`HTTPError`. Next: `matcher.py`. The values inside query and body have a gate of their own, `values.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeVar
from urllib.parse import unquote_to_bytes

from core.errors import BadRequest, HeadersTooLarge, MethodNotAllowed, NotFound, UriTooLong
from core.settings import Limits

#: the methods that exist here; names are case-sensitive, and no header or field overrides them
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_METHODS: Final = frozenset(METHODS)

# Paths that mean what they say: no escape, no empty segment, no segment that begins with a dot.
_PLAIN_PATH: Final = re.compile(rb"/|(?:/[A-Za-z0-9_~!$&'()*+,=:@-][A-Za-z0-9_~!$&'()*+,=:@.-]*)+/?")
_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\\]")
_VISIBLE: Final = bytes(range(0x21, 0x7F)) + bytes(range(0x80, 0x100))
_HEADER_VALUE: Final = _VISIBLE + b" \t"
_HEADER_NAME: Final = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
_HOST: Final = re.compile(
    rb"(?P<name>[A-Za-z0-9_](?:[A-Za-z0-9_-]|\.(?=[A-Za-z0-9_]))*\.?|\[[0-9A-Fa-f:.]{2,45}\])"
    rb"(?::(?P<port>[0-9]{1,5}))?"
)
_HOST_BYTES: Final = 255

_T = TypeVar("_T")


class HostName(NamedTuple):
    """A checked Host header: as sent, and in lower case without port and trailing dot."""

    sent: str
    name: str


# What was found right once need not be looked at again. Clients choose these texts: few and short ones are kept.
_KNOWN_HOSTS: dict[bytes, HostName] = {}
_KNOWN_PATHS: dict[bytes, str] = {}
_KNOWN_MAX: Final = 1024
_KNOWN_BYTES: Final = 128


def check_request_line(method: str, raw_path: bytes, query: bytes, limits: Limits) -> str:
    """The path, percent-decoded once, as routing and authorisation see it.

    Escaped slashes are refused, so the segments of the answer are the segments that were sent.

    Args:
        method: as sent.
        raw_path: the path as sent, without the query.
        query: the query as sent, without `?`; only its characters are checked here.
        limits: `target_bytes` bounds path and query together.

    Raises:
        UriTooLong: the target exceeds the limit.
        MethodNotAllowed: no such method is served anywhere.
        BadRequest: control characters, backslashes, escaped slashes, bad UTF-8 or escapes, dot segments.
        NotFound: an empty segment (`//`).
    """
    if len(raw_path) + len(query) + 1 > limits.target_bytes:
        raise UriTooLong(msg=f"The request target is longer than {limits.target_bytes} bytes.")
    if method not in _METHODS:
        raise MethodNotAllowed(METHODS)
    if query and query.translate(None, _VISIBLE):
        raise BadRequest(msg="The query contains control characters or blanks.")
    path = _KNOWN_PATHS.get(raw_path)
    if path is None:
        path = raw_path.decode("ascii") if _PLAIN_PATH.fullmatch(raw_path) else _decode_path(raw_path)
        if len(raw_path) <= _KNOWN_BYTES:
            _keep(_KNOWN_PATHS, raw_path, path)
    return path


def _decode_path(raw_path: bytes) -> str:
    if not raw_path.startswith(b"/"):
        raise BadRequest(msg="The request target must be a path.")
    lowered = raw_path.lower()
    if b"%2f" in lowered or b"%5c" in lowered:
        raise BadRequest(msg="The path contains an escaped slash or backslash.")
    if _ESCAPE.search(raw_path):
        raise BadRequest(msg="The path contains an incomplete percent escape.")
    try:
        path = unquote_to_bytes(raw_path).decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest(msg="The path is not valid UTF-8.") from None
    if _CONTROL.search(path):
        raise BadRequest(msg="The path contains control characters or backslashes.")
    # `..;x` counts as `..`: servers that strip path parameters would climb.
    if any(segment.partition(";")[0] in {".", ".."} for segment in path.split("/")):
        raise BadRequest(msg="The path contains dot segments.")
    if "//" in path:
        raise NotFound
    return path


def check_headers(headers: Sequence[tuple[bytes, bytes]], limits: Limits) -> dict[bytes, bytes]:
    """The headers by name; values of a repeated one are joined by `, ` (cookies by `; `).

    Whoever verifies a repeated header and whoever uses it thus see the same text.

    Args:
        headers: in the order received, names in lower case as ASGI demands.
        limits: `header_count` and `header_bytes`.

    Raises:
        HeadersTooLarge: too many, or too long in sum.
        BadRequest: characters that no name or value may contain, or several Host headers.
    """
    if len(headers) > limits.header_count:
        raise HeadersTooLarge(msg=f"There are more than {limits.header_count} header fields.")
    index = dict(headers)
    if len(index) != len(headers):
        index = _join_repeated(headers)
    names, values = b"".join(index), b"".join(index.values())
    if len(names) + len(values) > limits.header_bytes:
        raise HeadersTooLarge(msg=f"The header fields are longer than {limits.header_bytes} bytes.")
    if names.translate(None, _HEADER_NAME) or b"" in index:
        raise BadRequest(msg="A header name contains characters that are not allowed.")
    if values.translate(None, _HEADER_VALUE):
        raise BadRequest(msg="A header value contains control characters.")
    return index


def _join_repeated(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    index: dict[bytes, bytes] = {}
    for name, value in headers:
        if name not in index:
            index[name] = value
        elif name == b"host":
            raise BadRequest(msg="There is more than one Host header.")
        else:
            index[name] += (b"; " if name == b"cookie" else b", ") + value
    return index


def check_host(index: dict[bytes, bytes]) -> HostName:
    """The one Host header, checked. Whether this server answers for it is decided in `hosts.py`.

    Raises:
        BadRequest: it is missing or not `host[:port]`.
    """
    raw = index.get(b"host", b"")
    known = _KNOWN_HOSTS.get(raw)
    if known is not None:
        return known
    match = _HOST.fullmatch(raw) if len(raw) <= _HOST_BYTES else None
    if match is None or int(match["port"] or 1) not in range(1, 65536):
        raise BadRequest(msg="The Host header is missing or is not a host name with an optional port.")
    host = HostName(raw.decode("ascii"), match["name"].decode("ascii").lower().removesuffix("."))
    _keep(_KNOWN_HOSTS, raw, host)
    return host


def _keep(known: dict[bytes, _T], key: bytes, value: _T) -> None:
    if len(known) >= _KNOWN_MAX:
        known.clear()
    known[key] = value
