"""One connection, as uvicorn reads it with httptools; here is what that leaves open.

In: bytes of a client. Out: ASGI calls. The parser takes whatever follows a request with `Upgrade` (or CONNECT) for
another protocol: it drops the body, and the client would wait for its next answer until the connection is idle.
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Protocol(HttpToolsProtocol):
    """Answers requests that ask for another protocol in this one, and closes; with a body they are refused (400)."""

    def _unsupported_upgrade_warning(self) -> None:  # called before the application runs
        self.cycle.keep_alive = False
        if any(name in {b"content-length", b"transfer-encoding"} and value != b"0" for name, value in self.headers):
            self.cycle.disconnected = True  # nobody may take its body for an empty one
            self.send_400_response("A request with a body cannot ask for another protocol.")
