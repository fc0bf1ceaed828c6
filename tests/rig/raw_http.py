"""An HTTP client that sends any bytes and reads exactly one answer at a time.

In: a port. Out: answers in the order they arrive on one connection, and whether the server closed it. Requests
that no client library would send are its purpose.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple


class RawAnswer(NamedTuple):
    """`headers` by lower-case name; of a repeated one the last."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def is_last(self) -> bool:
        """Whether the server says that it closes the connection."""
        return self.headers.get("connection", "").lower() == "close"


class RawConnection:
    """One connection, spoken to in bytes. Make one with `with raw_connection(port)`."""

    def __init__(self, port: int, timeout_s: float = 10) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout_s)
        self.file = self.socket.makefile("rb")

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> None:
        """A request with a Host, JSON as content type and a length, unless told otherwise; `_` in names is `-`."""
        fields = {"Host": "localhost", "Content-Type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        if body and "Transfer-Encoding" not in fields:
            fields.setdefault("Content-Length", str(len(body)))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.send_bytes(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body)

    def send_bytes(self, data: bytes) -> None:
        """Anything; a server that closes while it is sent is no error, the answer tells."""
        with suppress(ConnectionError):
            self.socket.sendall(data)

    def read(self, method: str = "GET") -> RawAnswer:
        """The next answer; that to HEAD has no body.

        Raises:
            EOFError: the server closed the connection, or reset it.
        """
        try:
            line = self.file.readline()
        except ConnectionError as error:
            raise EOFError from error
        if not line:
            raise EOFError
        status = int(line.split()[1])
        headers: dict[str, str] = {}
        while (line := self.file.readline().strip()) != b"":
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        length = 0 if method == "HEAD" or status in {204, 304} else int(headers.get("content-length", "0"))
        return RawAnswer(status, headers, self.file.read(length))

    def is_closed(self) -> bool:
        """Whether the server ends the connection without another byte; waits for it."""
        try:
            return self.file.read(1) == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self.file.close()
        self.socket.close()


@contextmanager
def raw_connection(port: int, timeout_s: float = 10) -> Iterator[RawConnection]:
    """A connection, closed with the block."""
    connection = RawConnection(port, timeout_s)
    try:
        yield connection
    finally:
        connection.close()
