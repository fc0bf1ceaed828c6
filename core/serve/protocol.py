"""One connection of HTTP/1.1: requests out of the bytes of a client, answers in their order.

In: bytes, read by httptools. Out: a `Request` and its exchange (`wire.py`), handed to the application in a task of
its own, without the messages of ASGI. What a connection may take stands in `guard.py`. Next: `app.py`.
"""

from __future__ import annotations

import asyncio
import select
from collections import deque
from contextvars import Context
from http import HTTPStatus
from math import inf
from typing import Any, Final

import httptools
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.utils import get_remote_addr, is_ssl
from uvicorn.server import ServerState

from core.errors import BadRequest, HeadersTooLarge, HTTPError, MethodNotAllowed, Unavailable
from core.serve.client import parse_address
from core.serve.encoding import RawHeader
from core.serve.exchange import Serve
from core.serve.gate import METHODS
from core.serve.guard import Guard
from core.serve.request import Request
from core.serve.wire import HttpExchange
from core.settings import Http, Https

#: a body may take this long, and then has to arrive with at least so many bytes a second
_BODY_S, _BODY_RATE = 5.0, 1024
#: a request that waited longer than this since its header came is not begun under overload
_STALE_S: Final = 0.5
#: where more requests than these lie in wait, so many bytes are read at a time: read, a request takes the hundredfold
_PIPELINED, _SLICE = 16, 2048
_STATUS_LINES: Final = {int(status): f"HTTP/1.1 {status:d} {status.phrase}\r\n".encode() for status in HTTPStatus}


class Connection(asyncio.Protocol):
    """A connection to a listener under a guard; `serve` answers requests. uvicorn knows it by `state`."""

    def __init__(self, serve: Serve, guard: Guard, state: ServerState, listener: Http | Https) -> None:
        self._guard = guard
        self._serve, self._tasks = serve, state.tasks
        self._connections: set[Any] = state.connections  # of which uvicorn asks for `shutdown` only
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)  # what follows is not looked at
        self.port = listener.port
        hsts = listener.hsts_s if isinstance(listener, Https) else 0
        self._hsts = b"strict-transport-security: max-age=%d\r\n" % hsts if hsts else b""
        self._read_by = self._write_by = inf  # when the client must have sent, or read
        self._extra_bytes, self._head_at = 0, 0.0
        self._held = b""  # what is read when the answers to what came before it are sent
        self._url, self._headers, self._expects = b"", list[RawHeader](), False
        self._newest: HttpExchange | None = None
        self._running: HttpExchange | None = None  # older than the newest one where requests are pipelined
        self._waiting: deque[tuple[Request, HttpExchange]] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it; one too many is refused."""
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.flow = FlowControl(self.transport)
        self._address = (get_remote_addr(self.transport) or ("",))[0]
        self.client_ip = str(parse_address(self._address) or self._address)
        self.scheme = "https" if is_ssl(self.transport) else "http"
        self._connections.add(self)
        self._read_by = self._loop.time() + self._guard.timeouts.header_s
        if not self._guard.enter(self._address, len(self._connections)):
            self._refuse(Unavailable(msg="Too many connections."))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Tell who waits for this client."""
        self._connections.discard(self)
        for exchange in (self._running, self._newest):
            if exchange is not None:
                exchange.leave()
        self.flow.resume_writing()
        del self._parser  # which knows this connection
        self._guard.leave(self._address)

    def data_received(self, data: bytes) -> None:
        """Read on, but no further than to the first request that has to wait for another one."""
        self._held += data
        size = _SLICE if len(self._held) > _SLICE and self._held.count(b" HTTP/1.") > _PIPELINED else len(self._held)
        while self._held and not self._waiting:
            piece, self._held = self._held[:size], self._held[size:]
            self._read(piece)
        if self._waiting:
            self.flow.pause_reading()  # whoever waits for the client to leave has resumed it

    def _read(self, data: bytes) -> None:
        """Bound what is no body in bytes; the gate has a closer look at complete headers."""
        self._extra_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserInvalidMethodError:
            self._refuse(MethodNotAllowed(METHODS))
        except httptools.HttpParserError:
            self._refuse(BadRequest(msg="Invalid HTTP request received."))
        except httptools.HttpParserUpgrade:
            self._refuse_upgrade()
        if self._extra_bytes > self._guard.limits.header_bytes + self._guard.limits.target_bytes:
            self._refuse(HeadersTooLarge())

    def pause_writing(self) -> None:
        """The client reads slower than it is answered."""
        self.flow.pause_writing()
        self._write_by = self._loop.time() + self._guard.timeouts.write_s

    def resume_writing(self) -> None:
        """It has read."""
        self.flow.resume_writing()
        self._write_by = inf

    def on_message_begin(self) -> None:
        """A header begins, and its time."""
        self._url, self._headers, self._expects, self._extra_bytes = b"", [], False, 0
        self._read_by = self._loop.time() + self._guard.timeouts.header_s

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field."""
        name, value = name.lower(), value.rstrip(b" \t")
        if name == b"expect" and value.lower() == b"100-continue":
            self._expects = self._parser.get_http_version() == "1.1"
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The time of the body begins; a worker that stops answers, and closes."""
        self._head_at = self._loop.time()
        self._read_by = self._head_at + _BODY_S
        version = self._parser.get_http_version()
        path, _, query = self._url.partition(b"?")
        if self._url[:1] != b"/":
            url = httptools.parse_url(self._url)
            path, query = url.path, url.query or b""
        is_ours = self._url[:1] == b"/" or (b"host", self._url.split(b"/", 3)[2]) in self._headers
        if not is_ours or not path.isascii() or b"#" in self._url:
            raise ValueError("no target of ours")  # the parser makes an error of its own of this
        request = Request(
            self._parser.get_method().decode("ascii"),
            raw_path=path,
            query_string=query,
            scheme=self.scheme,
            client_ip=self.client_ip,
            http_version=version,
        )
        self._newest = exchange = HttpExchange(self, request, self._headers, expects=self._expects)
        exchange.keep_alive = self._parser.should_keep_alive() and version == "1.1" and not self._guard.draining
        self._headers = []  # trailers are no headers: proxies let them pass
        if self._is_busy:
            self._waiting.append((request, exchange))
        else:
            self._start(request, exchange)

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._read_by += len(body) / _BODY_RATE
        self._extra_bytes -= 2 * len(body)  # as many bytes as a body has may frame its chunks
        self._newest.feed(body, more=True)  # type: ignore[union-attr]  # its header came before

    def on_message_complete(self) -> None:
        """The end of the body."""
        self._newest.feed(b"", more=False)  # type: ignore[union-attr]
        self._read_by = inf if self._is_busy else self._loop.time() + self._guard.timeouts.keep_alive_s

    def _start(self, request: Request, exchange: HttpExchange) -> None:
        self._running = exchange
        # In a context of its own: a pipelined request begins where another one ends.
        self._tasks.add(self._loop.create_task(self._run(request, exchange), context=Context()))

    async def _run(self, request: Request, exchange: HttpExchange) -> None:
        try:
            await self._serve(request, exchange)
        finally:
            self._tasks.discard(asyncio.current_task(self._loop))
            if not exchange.complete:
                self.transport.close()

    def write(self, status: int, headers: list[RawHeader], body: bytes, *, keep_alive: bool) -> None:
        """Write the head of an answer, and what follows at once."""
        line = _STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status
        end = b"\r\n\r\n" if keep_alive else b"\r\nconnection: close\r\n\r\n"
        fields = b"\r\n".join(map(b": ".join, headers))
        self.transport.write(b"".join((line, self._guard.date, self._hsts, fields, end, body)))

    def finish(self, *, keep_alive: bool) -> None:
        """An answer is complete: the next one, or the time until the next request."""
        if not keep_alive:
            self.transport.close()
        if self.transport.is_closing():
            self._read_by = self._loop.time() + self._guard.timeouts.write_s
            return
        if self._waiting:
            self._start(*self._waiting.popleft())
        elif self._read_by == inf:
            self._read_by = self._loop.time() + self._guard.timeouts.keep_alive_s
        if not self._waiting:
            self.flow.resume_reading()
            if self._held:
                self.data_received(b"")

    def check(self, now: float) -> None:
        """End the connection if its client took too long."""
        if self.flow.read_paused:  # it is us who do not read
            self._read_by = max(self._read_by, now + _BODY_S)
        if now > self._write_by or (now > self._read_by and self.transport.is_closing()):
            self.transport.abort()
        elif now > self._read_by:
            self.transport.close()

    def shutdown(self) -> None:
        """At stop: answer what is under way or may just have been sent, then close."""
        if self._is_busy:
            self._newest.keep_alive = False  # type: ignore[union-attr]
        else:
            self._read_by = min(self._read_by, self._loop.time() + self._guard.last_call_s)

    def drop_stale(self) -> bool:
        """Under overload: end the connection if nobody waits for the answer any more; whether it did."""
        stale = self.transport.is_closing() or self._loop.time() - self._head_at > _STALE_S
        if not stale and hasattr(select, "POLLRDHUP"):
            poll = select.poll()
            poll.register(self.transport.get_extra_info("socket").fileno(), select.POLLRDHUP)
            stale = bool(poll.poll(0))
        if stale:
            self.transport.abort()
        return stale

    @property
    def _is_busy(self) -> bool:
        return self._running is not None and not self._running.complete

    def _refuse(self, error: HTTPError, *, at_once: bool = False) -> None:
        self._held = b""
        if self.transport.is_closing():
            return
        running, newest = self._running if self._is_busy else None, self._newest
        if running is not None and (running is not newest or not (at_once or running.more)):
            self._waiting.clear()
            running.keep_alive = False  # answers come in order: its own is the last one
            return
        if newest is None or not (newest.started and newest.more):  # else it would be a second answer
            answer = self._guard.refuse(error)
            headers = [*answer.raw_headers, (b"content-length", b"%d" % len(answer.body))]
            self.write(answer.status, headers, answer.body, keep_alive=False)
        if running is not None:
            running.leave()  # it gets no second answer
        self.transport.close()

    def _refuse_upgrade(self) -> None:
        # The parser takes what follows a request with Upgrade (or CONNECT) for another protocol and drops its body.
        # This is called before the application runs: nobody may take the body for an empty one.
        newest, self._held = self._newest, b""
        newest.keep_alive = False  # type: ignore[union-attr]  # its header came before
        lengths = {b"content-length", b"transfer-encoding"}
        if any(name in lengths and value != b"0" for name, value in newest.headers):  # type: ignore[union-attr]
            self._refuse(BadRequest(msg="A request with a body cannot ask for another protocol."), at_once=True)
