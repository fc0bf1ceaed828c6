"""One exchange on a connection of HTTP/1.1: the body as it comes, the answer as bytes.

In: what `protocol.py` reads. Out: pieces of the body for a `Request`, and writes; a whole answer is one of them.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl

from core.data.deadline import Disconnected
from core.serve.encoding import RawHeader
from core.serve.exchange import LEFT, Message
from core.serve.request import Request


class Wire(Protocol):
    """A connection, as its exchanges use it."""

    transport: asyncio.Transport
    flow: FlowControl
    port: int

    def write(self, status: int, headers: list[RawHeader], body: bytes, *, keep_alive: bool) -> None:
        """Write the head of an answer, and what follows at once."""

    def finish(self, *, keep_alive: bool) -> None:
        """An answer is complete."""

    def drop_stale(self) -> bool:
        """Under overload: end the connection if nobody waits for the answer any more; whether it did."""


class HttpExchange:
    """One request and its answer.

    Attributes:
        keep_alive: whether another one may follow.
        more: whether more of the body is to come.
        started, complete: whether the answer is begun, and written.
        status, size: of the answer, as far as it was sent.
    """

    __slots__ = (
        "_body", "_changed", "_expects", "_is_chunked", "_is_deaf", "_is_gone", "_is_head", "_is_told", "_left",
        "_version", "_wire", "complete", "headers", "keep_alive", "more", "port", "size", "started", "status",
    )  # fmt: skip

    def __init__(self, wire: Wire, request: Request, headers: list[RawHeader], *, expects: bool) -> None:
        self._wire, self.port, self.headers = wire, wire.port, headers
        request.chunks = self._read
        self._is_head, self._version, self._expects = request.method == "HEAD", request.http_version, expects
        self.keep_alive = self.more = True
        self.started = self.complete = self._is_deaf = self._is_gone = self._is_told = self._is_chunked = False
        self._body, self.status, self.size = b"", LEFT, 0
        self._changed: asyncio.Event | None = None  # made by who waits: mostly nobody does
        self._left: int | None = None  # bytes of the answer's body, if their number is known

    def feed(self, piece: bytes, *, more: bool) -> None:
        """A piece of the body came, or its end; nobody wants it after the answer."""
        self.more = more
        if self._is_deaf:
            return
        self._body += piece
        if len(self._body) > HIGH_WATER_LIMIT:
            self._wire.flow.pause_reading()
        self._tell()

    def leave(self) -> None:
        """The client has gone."""
        self._is_gone = True
        self._tell()

    def _tell(self) -> None:
        if self._changed is not None:
            self._changed.set()

    async def _read(self) -> tuple[bytes, bool]:
        """The next piece of the body and whether more follows; after its end this waits until the client leaves."""
        if self._expects and not self.started and not self._wire.transport.is_closing():
            self._expects = False
            self._wire.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while not self._is_gone and not self.complete:
            self._wire.flow.resume_reading()
            if self._body or not (self.more or self._is_told):
                piece, self._body = self._body, b""
                self._is_told = not self.more
                return piece, self.more
            self._changed = self._changed or asyncio.Event()
            self._changed.clear()
            await self._changed.wait()
        raise Disconnected

    def drop_stale(self) -> bool:
        """Under overload: end it if nobody waits for the answer any more; whether it did."""
        return self._wire.drop_stale()

    async def answer(self, status: int, headers: list[RawHeader], body: bytes) -> None:
        """Send a whole answer: a short one in one piece, a long one as fast as the client reads."""
        if self._wire.flow.write_paused or self._is_gone:
            await self._wait()
        self.status, self.size, self._is_deaf = status, len(body), True
        self._begin(headers, body[:HIGH_WATER_LIMIT])
        if len(body) > HIGH_WATER_LIMIT:
            self._wire.flow.resume_reading()  # a client may read only when it has sent its whole body
            for at in range(HIGH_WATER_LIMIT, len(body), HIGH_WATER_LIMIT):
                await self._wait()
                self._wire.transport.write(body[at : at + HIGH_WATER_LIMIT])
        self._finish()

    async def send(self, message: Message) -> None:
        """Send the head of an answer, whose body has a known length or comes in chunks, or a piece of the body."""
        await self._wait()
        if message["type"] == "http.response.start":
            self.status, headers = message["status"], message["headers"]
            self._left = next((int(value) for name, value in headers if name == b"content-length"), None)
            if self._is_head or self.status in {204, 304}:
                self._left = 0
            elif self._left is None and self._version == "1.1":
                self._is_chunked, headers = True, [*headers, (b"transfer-encoding", b"chunked")]
            self._begin(headers, b"")
            return
        piece, more = message.get("body", b""), message.get("more_body", False)
        self.size += len(piece)
        if self._left is not None:
            self._left -= len(piece)
            if self._left < 0 or (self._left and not more):
                raise RuntimeError("the body of an answer has another length than its header says")
        if self._is_chunked:
            piece = (b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b"") + (b"" if more else b"0\r\n\r\n")
        self._wire.transport.write(piece)
        if not more:
            self._finish()

    async def _wait(self) -> None:
        """Until the client reads; `Disconnected` when it has gone."""
        if self._wire.flow.write_paused:
            await self._wire.flow.drain()
        if self._is_gone:
            raise Disconnected

    def _begin(self, headers: list[RawHeader], body: bytes) -> None:
        self.started = True
        self.keep_alive &= not (self._expects and self.more)  # such a body may come, or not
        self._wire.write(self.status, headers, body, keep_alive=self.keep_alive)

    def _finish(self) -> None:
        self.complete = self._is_deaf = True
        self._tell()
        self._wire.finish(keep_alive=self.keep_alive)
