"""One connection, as uvicorn reads it with httptools, where that leaves something open.

In: bytes of a client. Out: ASGI calls. Its parser takes whatever follows a request with `Upgrade` (or CONNECT) for
another protocol: it drops the body, reads no further request, and the client would wait until the connection is idle.
"""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Protocol(HttpToolsProtocol):
    """Answers requests that ask for another protocol in this one, and closes; with a body they are refused (400)."""

    def _unsupported_upgrade_warning(self) -> None:
        # Called by the parser's caller before the application runs, so that nobody reads an empty body for this one.
        self.cycle.keep_alive = False
        if any(name in {b"content-length", b"transfer-encoding"} and value != b"0" for name, value in self.headers):
            self.cycle.disconnected = True
            self.send_400_response("A request with a body cannot ask for another protocol.")
