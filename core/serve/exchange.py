"""What the application sees of a server: one request and the way of its answer.

In: `protocol.py`'s own exchanges, or the messages of any ASGI server, which `AsgiExchange` puts into the same shape.
Out: the headers as they were received, and methods that send. Next: `app.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, Protocol

from core.data.deadline import Disconnected
from core.serve.client import parse_address
from core.serve.encoding import RawHeader
from core.serve.request import Request

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
#: the status of a request whose client left without an answer
LEFT: Final = 499


class Exchange(Protocol):
    """What belongs to a request beside itself.

    Attributes:
        headers: as received, names in lower case.
        port: of the listener.
        status, size: of the answer, as far as it was sent; the bytes of its body.
    """

    headers: list[RawHeader]
    port: int
    status: int
    size: int

    def drop_stale(self) -> bool:
        """Under overload: end it if nobody waits for the answer any more; whether it did."""

    async def answer(self, status: int, headers: list[RawHeader], body: bytes) -> None:
        """Send a whole answer."""

    async def send(self, message: Message) -> None:
        """Send a part of an answer that is made while it is sent, as an ASGI message.

        Raises:
            Disconnected: the client left, as far as the server can tell.
        """


#: answers a request that nobody looked at yet
Serve = Callable[[Request, Exchange], Awaitable[None]]


class AsgiExchange:
    """An exchange over the messages of an ASGI server."""

    def __init__(self, scope: Message, receive: Receive, send: Send) -> None:
        self.headers: list[RawHeader] = scope["headers"]
        self._receive, self._send = receive, send
        self.status, self.size = LEFT, 0
        self.port = (scope.get("server") or ("", 0))[1] or 0

    def read_request(self, scope: Message) -> Request:
        """The request of a scope; the gate makes its path and index."""
        client_ip = (scope.get("client") or [""])[0]
        return Request(
            scope["method"],
            raw_path=scope.get("raw_path") or scope["path"].encode(),
            query_string=scope["query_string"],
            scheme=scope["scheme"],
            client_ip=str(parse_address(client_ip) or client_ip),
            http_version=scope["http_version"],
            chunks=self._read,
        )

    async def _read(self) -> tuple[bytes, bool]:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        return message.get("body", b""), message.get("more_body", False)

    def drop_stale(self) -> bool:
        """Only the server could know."""
        return False

    async def answer(self, status: int, headers: list[RawHeader], body: bytes) -> None:
        """Send a whole answer."""
        self.status, self.size = status, len(body)
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    async def send(self, message: Message) -> None:
        """Send a part of an answer."""
        self.status, self.size = message.get("status", self.status), self.size + len(message.get("body", b""))
        await self._send(message)
