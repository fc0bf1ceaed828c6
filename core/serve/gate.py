"""The first look at a request: method, target, headers and Host, before anything is decided from them.

In: what the server received, as bytes. Out: the decoded path, headers by name, the host name; or an
`HTTPError`. Next: `matcher.py`. What stands in query and body has a gate of its own, `values.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes

from core.errors import BadRequest, Forbidden, HeadersTooLarge, MethodNotAllowed, NotFound, UriTooLong
from core.settings import Limits

#: the methods that exist here; names are case-sensitive, and no header or field overrides them
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

# Paths that mean what they say: no escape, no empty segment, no segment that begins with a dot.
_PLAIN_PATH: Final = re.compile(rb"/|(?:/[A-Za-z0-9_~!$&'()*+,=:@-][A-Za-z0-9_~!$&'()*+,=:@.-]*)+/?")
_BAD_ESCAPE: Final = re.compile(rb"%(?:2f|5c|(?![0-9a-f]{2}))", re.IGNORECASE)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\\]")
_VISIBLE: Final = bytes(range(0x21, 0x7F)) + bytes(range(0x80, 0x100))
_CONTROL_BYTE: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_HEADER_NAME: Final = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
_known_names: Final[set[bytes]] = set()
_HOST: Final = re.compile(
    rb"(?P<name>[A-Za-z0-9_](?:[A-Za-z0-9_-]|\.(?=[A-Za-z0-9_]))*\.?|\[[0-9A-Fa-f:.]{2,45}\])"
    rb"(?::(?P<port>[0-9]{1,5}))?"
)


def check_request_line(method: str, raw_path: bytes, query: bytes, limits: Limits) -> str:
    """The path, percent-decoded once; escaped slashes are refused, so its segments are those that were sent.

    Raises:
        UriTooLong: path and query together are too long.
        MethodNotAllowed: no such method is served anywhere.
        BadRequest: control characters, backslashes, escaped slashes, bad UTF-8 or escapes, dot segments.
        NotFound: an empty segment (`//`).
    """
    if len(raw_path) + len(query) + 1 > limits.target_bytes:
        raise UriTooLong(msg=f"The request target is longer than {limits.target_bytes} bytes.")
    if method not in METHODS:
        raise MethodNotAllowed(METHODS)
    if query and query.translate(None, _VISIBLE):
        raise BadRequest(msg="The query contains control characters or blanks.")
    return _decode_path(raw_path)


@lru_cache(maxsize=512)
def _decode_path(raw_path: bytes) -> str:
    if _PLAIN_PATH.fullmatch(raw_path):
        return raw_path.decode("ascii")
    if not raw_path.startswith(b"/") or _BAD_ESCAPE.search(raw_path):
        raise BadRequest(msg="The target is no path, or contains an incomplete escape, an escaped slash or backslash.")
    try:
        path = unquote_to_bytes(raw_path).decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest(msg="The path is not valid UTF-8.") from None
    # `..;x` counts as `..`: servers that strip path parameters would climb.
    if _CONTROL.search(path) or any(segment.partition(";")[0] in {".", ".."} for segment in path.split("/")):
        raise BadRequest(msg="The path contains control characters, backslashes or dot segments.")
    if "//" in path:
        raise NotFound
    return path


def check_headers(headers: Sequence[tuple[bytes, bytes]], limits: Limits) -> dict[bytes, bytes]:
    """The headers by name, which ASGI sends in lower case; values of a repeated one are joined.

    Whoever verifies a repeated header and whoever uses it thus see the same text.

    Raises:
        HeadersTooLarge: too many, or too long in sum.
        BadRequest: characters that no name or value may contain, several Host headers, or a coding but chunked.
        Forbidden: it asks for a websocket; there are none yet.
    """
    if len(headers) > limits.header_count:
        raise HeadersTooLarge(msg=f"There are more than {limits.header_count} header fields.")
    index = dict(headers)
    if len(index) != len(headers):
        index = _join_repeated(headers)
    text = b"".join([*index, *index.values()])
    if len(text) > limits.header_bytes:
        raise HeadersTooLarge(msg=f"The header fields are longer than {limits.header_bytes} bytes.")
    names = [] if _known_names.issuperset(index) else [name for name in index if name not in _known_names]
    if _CONTROL_BYTE.search(text) or (names and any(not name or name.translate(None, _HEADER_NAME) for name in names)):
        raise BadRequest(msg="A header contains characters that are not allowed.")
    if b"transfer-encoding" in index and index[b"transfer-encoding"].lower() != b"chunked":
        raise BadRequest(msg="No transfer coding but chunked is read here.")
    if index.get(b"upgrade", b"").lower() == b"websocket":
        raise Forbidden(msg="There are no websockets here.")
    if names and len(_known_names) < 1_000:
        _known_names.update(names)
    return index


def _join_repeated(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    index: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in index and name == b"host":
            raise BadRequest(msg="There is more than one Host header.")
        index[name] = index[name] + (b"; " if name == b"cookie" else b", ") + value if name in index else value
    return index


@lru_cache(maxsize=512)
def check_host(raw: bytes) -> str:
    """The name in a Host header: lower case, without port and trailing dot. `hosts.py` knows who answers to it.

    Raises:
        BadRequest: it is not `host[:port]`.
    """
    match = _HOST.fullmatch(raw) if len(raw) <= 255 else None
    if match is None or int(match["port"] or 1) not in range(1, 65536):
        raise BadRequest(msg="The Host header is missing or is not a host name with an optional port.")
    return match["name"].decode("ascii").lower().removesuffix(".")
