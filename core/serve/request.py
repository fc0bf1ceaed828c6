"""One request, as the chain sees it: cheap to build, read lazily, free of ASGI.

In: what `gate.py` checked, and a source of body chunks. Out: `Request`. Next: `matcher.py` fills
`path_values`, `body.py` reads the body, `context.py` wraps it all.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Final

from core.data.deadline import Disconnected
from core.errors import BadRequest, PayloadTooLarge, UnsupportedMediaType

#: gives the next piece of the body and whether more follows; raises `Disconnected` when the client left
Chunks = Callable[[], Awaitable[tuple[bytes, bool]]]
_NOTHING: Final[Mapping[Any, Any]] = MappingProxyType({})
# An odd step meets every number of 64 bits before it comes back. Drawing each id would take 0.7 µs.
_ID_START, _ID_STEP, _ids = secrets.randbits(64), secrets.randbits(64) | 1, itertools.count()
#: ids that a client may give its request, and W3C trace contexts
_ID: Final = re.compile(rb"[A-Za-z0-9._~+/=:-]{1,64}")
_TRACE: Final = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


async def _no_body() -> tuple[bytes, bool]:
    return b"", False


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
        digest: the SHA-256 of a body of files once it was read: its bytes are not kept.
        started_s, route: when it began, on `time.monotonic()`; the linked route that it matched.
    """

    __slots__ = (
        "_headers", "_id", "chunks", "client_ip", "complete", "digest", "http_version", "index", "method", "path",
        "path_values", "query_string", "raw", "raw_path", "route", "scheme", "started_s",
    )  # fmt: skip

    def __init__(
        self, method: str, path: str = "/", *, raw_path: bytes = b"", query_string: bytes = b"", scheme: str = "http",
        client_ip: str = "", http_version: str = "1.1", index: Mapping[bytes, bytes] = _NOTHING,
        path_values: Mapping[str, str] = _NOTHING, chunks: Chunks = _no_body,
    ) -> None:  # fmt: skip
        self.method, self.path, self.raw_path, self.query_string = method, path, raw_path, query_string
        self.scheme, self.client_ip, self.http_version, self.index = scheme, client_ip, http_version, index
        self.path_values, self.chunks, self.raw, self.digest, self.complete = path_values, chunks, b"", b"", False
        self.started_s, self._id = time.monotonic(), ""
        self.route: Any = None
        self._headers: dict[str, str] | None = None

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
        """For logs and answers: the client's `X-Request-ID` if it is well-formed, else 16 hex digits of our own."""
        if self._id:
            return self._id
        sent = self.index.get(b"x-request-id")
        if sent is not None and _ID.fullmatch(sent):
            self._id = sent.decode()
        else:
            self._id = ((_ID_START + next(_ids) * _ID_STEP) % 2**64).to_bytes(8, "big").hex()
        return self._id

    @property
    def trace_id(self) -> str:
        """The trace that the request belongs to, from a well-formed `traceparent`; else empty."""
        match = _TRACE.fullmatch(self.index.get(b"traceparent", b""))
        return match[1].decode() if match else ""

    def trace_headers(self) -> dict[str, str]:
        """Headers for calls that follow from it: its id, and the trace it belongs to."""
        found = {"x-request-id": self.id}
        if self.trace_id:
            found["traceparent"] = self.index[b"traceparent"].decode()
            if state := self.header("tracestate"):
                found["tracestate"] = state[:512]
        return found

    def inflate(self, limit_bytes: int) -> bytes:
        """What `raw` is without its content coding; more than the limit or a hundred times its length is refused."""
        coding = self.index.get(b"content-encoding", b"").strip().lower()
        if coding in {b"identity", b""}:
            return self.raw
        if coding not in {b"gzip", b"x-gzip", b"deflate"}:
            raise UnsupportedMediaType(msg="The content coding of the body must be gzip or deflate.")
        most = min(limit_bytes, 100 * len(self.raw))
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
        try:
            content = unpacker.decompress(self.raw, most + 1)
        except zlib.error:
            raise BadRequest(msg="The compressed body cannot be read.") from None
        if len(content) > most:
            raise PayloadTooLarge(msg=f"The body is longer than {most} bytes when it is inflated.")
        if not unpacker.eof or unpacker.unused_data:
            raise BadRequest(msg="The compressed body is not complete, or something follows it.")
        return content

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
