"""One request, as the chain sees it: cheap to build, read lazily, free of ASGI.

In: what `gate.py` checked, and a source of body chunks. Out: `Request`. Next: `matcher.py` fills
`path_values`, `body.py` reads the body, `context.py` wraps it all.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field

from core.data.deadline import Disconnected

#: gives the next piece of the body and whether more follows; raises `Disconnected` when the client left
Chunks = Callable[[], Awaitable[tuple[bytes, bool]]]


async def _no_body() -> tuple[bytes, bool]:
    return b"", False


@dataclass(slots=True, eq=False, repr=False)
class Request:
    """What was asked.

    Attributes:
        method: one of `gate.METHODS`.
        path: percent-decoded once; `//`, dot segments and escaped slashes never get here.
        raw_path: the path as sent. Signatures read it; nothing is decided from it.
        query_string: as sent, without `?`.
        index: headers by lower-case name, made by `gate.check_headers`.
        scheme, client_ip: of the client's side: `http` or `https`, and its address.
        chunks: source of the body.
        http_version: `1.0`, `1.1` or `2`.
        path_values: variables of the matched route by name; `rest` for a trailing `*`.
        raw, complete: the body exactly as received, empty until it is read; whether it was read to its end.
    """

    method: str
    path: str
    _: KW_ONLY
    raw_path: bytes = b""
    query_string: bytes = b""
    index: Mapping[bytes, bytes] = field(default_factory=dict)
    scheme: str = "http"
    client_ip: str = ""
    chunks: Chunks = _no_body
    http_version: str = "1.1"
    path_values: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = b""
    complete: bool = False
    _headers: dict[str, str] | None = None
    _id: str = ""

    @property
    def host(self) -> str:
        """The Host header as sent."""
        return self.header("host") or ""

    @property
    def headers(self) -> dict[str, str]:
        """Every header by lower-case name."""
        if self._headers is None:
            self._headers = {name.decode("ascii"): value.decode("latin-1") for name, value in self.index.items()}
        return self._headers

    def header(self, name: str) -> str | None:
        """One header, or `None`; cheaper than `headers` for a few of them."""
        value = self.index.get(name.lower().encode("latin-1", "replace"))
        return None if value is None else value.decode("latin-1")

    @property
    def id(self) -> str:
        """An id of 16 hex digits for logs and answers."""
        if not self._id:
            self._id = secrets.token_hex(8)
        return self._id

    async def stream(self) -> AsyncIterator[bytes]:
        """The body piece by piece, nothing kept and nothing bounded: the reader counts."""
        more = True
        while more:
            chunk, more = await self.chunks()
            self.complete = not more
            if chunk:
                yield chunk

    async def until_gone(self) -> None:
        """Returns when the client has left; never while its body is not read, and not after the answer."""
        headers = self.index
        if not self.complete and (b"content-length" in headers or b"transfer-encoding" in headers):
            await asyncio.Future()
        with suppress(Disconnected):
            while True:
                await self.chunks()
