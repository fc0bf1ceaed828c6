"""One connection, as uvicorn reads it with httptools; here is what that leaves open.

In: bytes of a client. Out: ASGI calls. The parser takes whatever follows a request with `Upgrade` (or CONNECT) for
another protocol: it drops the body, and the client would wait for its next answer until the connection is idle.
uvicorn knows only the newest request of a connection, but an earlier one may still be under way.
"""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle


class Protocol(HttpToolsProtocol):
    """Answers requests that ask for another protocol in this one, and closes; with a body they are refused (400)."""

    _running: RequestResponseCycle | None = None

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more; the request under way may be an earlier one than uvicorn tells so."""
        if self._running is not None:
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be read, after the answer to the whole request before it: answers come in order."""
        running = self._running
        if (
            running is not None
            and not running.response_complete
            and (running is not self.cycle or not running.more_body)
        ):
            self.pipeline.clear()
            running.keep_alive = False
        else:
            super().send_400_response(msg)

    def _unsupported_upgrade_warning(self) -> None:  # called before the application runs
        self.cycle.keep_alive = False
        if any(name in {b"content-length", b"transfer-encoding"} and value != b"0" for name, value in self.headers):
            self.cycle.disconnected = True  # nobody may take its body for an empty one
            super().send_400_response("A request with a body cannot ask for another protocol.")
