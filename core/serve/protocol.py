"""One connection, as uvicorn reads it with httptools; with deadlines, bounds and an end that cuts nobody off.

In: bytes of a client. Out: ASGI calls. What all connections of a worker share is `Guard`; it looks at each of them
twice a second, which costs a request less than timers of its own. Tests keep watch over uvicorn's inside.
"""

from __future__ import annotations

import asyncio
import select
import sys
from collections import Counter
from collections.abc import Callable
from math import inf
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from core.errors import BadRequest, HeadersTooLarge, HTTPError, MethodNotAllowed, Unavailable
from core.serve.gate import METHODS
from core.serve.response import Response
from core.settings import Http, Https, ServerSettings

#: a body may take this long, and then has to arrive with at least so many bytes a second
_BODY_S, _BODY_RATE = 5.0, 1024
#: a request that waited longer than this since its header came is not begun under overload
_STALE_S: Final = 0.5
#: where more requests than these lie in wait, so many bytes are read at a time: read, a request takes the hundredfold
_PIPELINED, _SLICE = 16, 2048


class Guard:
    """Bounds and times of the connections of one worker.

    `refuse` makes the answer to an error; connections of addresses that `is_exempt` are not counted by address.
    At stop a connection waits `last_call_s` for the request that its client may just have sent.
    """

    def __init__(
        self, settings: ServerSettings, refuse: Callable[[HTTPError], Response], is_exempt: Callable[[str], bool]
    ) -> None:
        self.limits, self.timeouts = settings.limits, settings.timeouts
        self.refuse = refuse
        self.draining = False
        self.last_call_s = 5.0
        self._is_exempt = is_exempt
        self._counts: Counter[str] = Counter()

    def enter(self, address: str, total: int) -> bool:
        """Count a connection; false when it is one too many."""
        self._counts[address] += 1
        over = self._counts[address] > self.limits.connections_per_address
        return total <= self.limits.connections and (not over or self._is_exempt(address))

    def leave(self, address: str) -> None:
        """It is gone."""
        self._counts[address] -= 1
        if not self._counts[address]:
            del self._counts[address]

    def connect(self, listener: Http | Https, **options: Any) -> asyncio.Protocol:
        """What serves a new connection to a listener; `options` are uvicorn's."""
        hsts = b"max-age=%d" % listener.hsts_s if isinstance(listener, Https) and listener.hsts_s else b""
        return _Protocol(self, hsts, **options)

    def watch(self, state: ServerState, loop: asyncio.AbstractEventLoop) -> None:
        """End the connections whose time is over, now and twice a second."""
        for connection in list(state.connections):
            if isinstance(connection, _Protocol):
                connection.check(loop.time())
        loop.call_later(0.5, self.watch, state, loop)


class _Protocol(HttpToolsProtocol):
    """A connection under a guard; `hsts`: what its answers tell browsers about https."""

    def __init__(self, guard: Guard, hsts: bytes, **options: Any) -> None:
        super().__init__(**options)
        self._guard = guard
        self._hsts = [(b"strict-transport-security", hsts)] if hsts else []
        self._extra_bytes, self._head_at = 0, 0.0
        self._held = b""  # what is read when the answers to what came before it are sent
        self._read_by = self._write_by = inf  # when the client must have sent, or read
        # uvicorn knows only the newest request of a connection, but an earlier one may still be under way.
        self._running: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._read_by = self.loop.time() + self._guard.timeouts.header_s
        if not self._guard.enter(self.client[0] if self.client else "", len(self.connections)):
            self._refuse(Unavailable(msg="Too many connections."))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._running is not None:
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)
        self._guard.leave(self.client[0] if self.client else "")

    def data_received(self, data: bytes) -> None:
        """Read on, but no further than to the first request that has to wait for another one."""
        self._held += data
        size = _SLICE if self._held.count(b" HTTP/1.") > _PIPELINED else len(self._held)
        while self._held and not self.pipeline:
            piece, self._held = self._held[:size], self._held[size:]
            self._read(piece)
        if self.pipeline:
            self.flow.pause_reading()  # whoever waits for the client to leave has resumed it

    def _read(self, data: bytes) -> None:
        """Bound what is no body, in time and bytes; the gate has a closer look at complete headers."""
        before = self.scope
        self._extra_bytes += len(data)
        super().data_received(data)
        scope: Any = self.scope
        if scope is not before and "method" not in scope:
            self._read_by = self.loop.time() + self._guard.timeouts.header_s
        if self._extra_bytes > self._guard.limits.header_bytes + self._guard.limits.target_bytes:
            self._refuse(HeadersTooLarge())

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._extra_bytes = 0

    def on_headers_complete(self) -> None:
        """The time of the body begins; a worker that stops answers, and closes."""
        super().on_headers_complete()
        self.headers = []  # trailers are no headers: proxies let them pass
        self._head_at = self.loop.time()
        self._read_by = self._head_at + _BODY_S
        self.scope["catena.connection"] = self  # type: ignore[typeddict-unknown-key]
        if self._guard.draining:
            self.cycle.keep_alive = False
        if self._hsts:
            self.cycle.default_headers = self.cycle.default_headers + self._hsts

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._read_by += len(body) / _BODY_RATE
        self._extra_bytes -= 2 * len(body)  # as many bytes as a body has may frame its chunks

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._read_by = inf if self._is_busy else self.loop.time() + self._guard.timeouts.keep_alive_s

    def on_response_complete(self) -> None:
        """uvicorn's, without a timer for every answer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            self._read_by = self.loop.time() + self._guard.timeouts.write_s
            return
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._read_by == inf:
            self._read_by = self.loop.time() + self._guard.timeouts.keep_alive_s
        if not self.pipeline:
            self.flow.resume_reading()
            if self._held:
                self.data_received(b"")

    def _unset_keepalive_if_required(self) -> None:
        pass  # there is no timer

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_by = self.loop.time() + self._guard.timeouts.write_s

    def resume_writing(self) -> None:
        super().resume_writing()
        self._write_by = inf

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
            self.cycle.keep_alive = False
        else:
            self._read_by = min(self._read_by, self.loop.time() + self._guard.last_call_s)

    def drop_stale(self) -> bool:
        """Under overload: end the connection if nobody waits for the answer any more; whether it did."""
        stale = self.transport.is_closing() or self.loop.time() - self._head_at > _STALE_S
        if not stale and hasattr(select, "POLLRDHUP"):
            poll = select.poll()
            poll.register(self.transport.get_extra_info("socket").fileno(), select.POLLRDHUP)
            stale = bool(poll.poll(0))
        if stale and self._running is not None:
            self._running.disconnected = True
            self.transport.abort()
        return stale

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser refused in the envelope of every other answer; uvicorn calls it in its handler."""
        unknown = isinstance(sys.exception(), httptools.HttpParserInvalidMethodError)
        self._refuse(MethodNotAllowed(METHODS) if unknown else BadRequest(msg=msg))

    @property
    def _is_busy(self) -> bool:
        return self._running is not None and not self._running.response_complete

    def _refuse(self, error: HTTPError, *, at_once: bool = False) -> None:
        self._held = b""
        running = self._running if self._is_busy else None
        if running is not None and not at_once and (running is not self.cycle or not running.more_body):
            self.pipeline.clear()
            running.keep_alive = False  # answers come in order: its own is the last one
            return
        if running is None or not running.response_started:
            answer = self._guard.refuse(error)
            length = (b"content-length", b"%d" % len(answer.body))
            headers = [*answer.raw_headers, length, (b"connection", b"close"), *self._hsts]
            lines = b"".join(b"%b: %b\r\n" % header for header in headers)
            self.transport.write(STATUS_LINE[answer.status] + lines + b"\r\n" + answer.body)
        if running is not None:
            running.disconnected = True  # it gets no second answer
        self.transport.close()

    def _unsupported_upgrade_warning(self) -> None:
        # The parser takes what follows a request with Upgrade (or CONNECT) for another protocol and drops its body.
        # This is called before the application runs: nobody may take the body for an empty one.
        self.cycle.keep_alive, self._held = False, b""
        headers = self.scope["headers"]
        if any(name in {b"content-length", b"transfer-encoding"} and value != b"0" for name, value in headers):
            self._refuse(BadRequest(msg="A request with a body cannot ask for another protocol."), at_once=True)
