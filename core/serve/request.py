"""One request, as the chain sees it: cheap to build, read lazily, free of ASGI.

In: what `gate.py` checked, and a source of body chunks. Out: `Request`, and the body as bytes. Next:
`matcher.py` fills `path_values`, `body.py` reads the body, `context.py` wraps it all.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final

from core.errors import BadRequest, CatenaError, PayloadTooLarge

#: gives the next piece of the body and whether more follows; raises `Disconnected` when the client left
Chunks = Callable[[], Awaitable[tuple[bytes, bool]]]

_NO_VALUES: Final[Mapping[str, str]] = {}
_LENGTH_DIGITS: Final = 18


class Disconnected(CatenaError):
    """The client left before its body was complete: nobody is there to answer, and nothing is logged."""


async def _no_body() -> tuple[bytes, bool]:
    return b"", False


class Request:
    """What was asked.

    Args:
        method: one of `gate.METHODS`.
        path: percent-decoded once; `//`, dot segments and escaped slashes never get here.
        raw_path: the path as sent. Signatures read it; nothing is decided from it.
        query_string: as sent, without `?`.
        index: headers by lower-case name, made by `gate.check_headers`.
        host: the Host header as sent.
        scheme: `http` or `https`, of the client's side when a trusted proxy says so.
        client_ip: of the client, behind trusted proxies only.
        chunks: source of the body.
        http_version: `1.0`, `1.1` or `2`.

    Attributes:
        path_values: variables of the matched route by name; `rest` for a trailing `*`.
        raw: the body exactly as received; empty until it is read.
    """

    __slots__ = (
        "_headers",
        "_id",
        "chunks",
        "client_ip",
        "host",
        "http_version",
        "index",
        "method",
        "path",
        "path_values",
        "query_string",
        "raw",
        "raw_path",
        "scheme",
    )

    def __init__(
        self,
        method: str,
        path: str,
        *,
        raw_path: bytes = b"",
        query_string: bytes = b"",
        index: Mapping[bytes, bytes] | None = None,
        host: str = "",
        scheme: str = "http",
        client_ip: str = "",
        chunks: Chunks = _no_body,
        http_version: str = "1.1",
    ) -> None:
        self.method = method
        self.path = path
        self.raw_path = raw_path
        self.query_string = query_string
        self.index: Mapping[bytes, bytes] = {} if index is None else index
        self.host = host
        self.scheme = scheme
        self.client_ip = client_ip
        self.chunks = chunks
        self.http_version = http_version
        self.path_values = _NO_VALUES
        self.raw = b""
        self._headers: dict[str, str] | None = None
        self._id = ""

    @property
    def headers(self) -> dict[str, str]:
        """Every header by lower-case name; built when first asked for."""
        if self._headers is None:
            self._headers = {name.decode("ascii"): value.decode("latin-1") for name, value in self.index.items()}
        return self._headers

    def header(self, name: str) -> str | None:
        """One header, or `None`; cheaper than `headers` for a few of them."""
        value = self.index.get(name.lower().encode("latin-1", "replace"))
        return None if value is None else value.decode("latin-1")

    @property
    def id(self) -> str:
        """An id of 16 hex digits for logs and answers; drawn when first asked for."""
        if not self._id:
            self._id = secrets.token_hex(8)
        return self._id

    async def stream(self) -> AsyncIterator[bytes]:
        """The body piece by piece, nothing kept and nothing bounded: the reader counts."""
        more = True
        while more:
            chunk, more = await self.chunks()
            if chunk:
                yield chunk


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """The whole body, kept as `request.raw`.

    What is left of a refused body stays with the server: it discards it or closes the connection, so the
    next request on it never starts in the middle of this one.

    Raises:
        PayloadTooLarge: before a byte is read when `Content-Length` says so, else as soon as the sum does.
        BadRequest: `Content-Length` is no number.
        Disconnected: the client left.
    """
    announced = request.index.get(b"content-length")
    if announced is not None and _parse_length(announced) > limit_bytes:
        raise _too_large(limit_bytes)
    chunk, more = await request.chunks()
    size = len(chunk)
    pieces = [chunk]
    while more and size <= limit_bytes:
        chunk, more = await request.chunks()
        size += len(chunk)
        pieces.append(chunk)
    if size > limit_bytes:
        raise _too_large(limit_bytes)
    request.raw = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    return request.raw


def _parse_length(value: bytes) -> int:
    if not value.isdigit() or len(value) > _LENGTH_DIGITS:
        raise BadRequest(msg="Content-Length is not a number.")
    return int(value)


def _too_large(limit_bytes: int) -> PayloadTooLarge:
    return PayloadTooLarge(msg=f"The body is longer than {limit_bytes} bytes.")
