"""The raw client sends what it is told and reads one answer at a time."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator

import pytest

from tests.rig.raw_http import raw_connection

ANSWERS = {
    b"two": b"HTTP/1.1 200 OK\r\nX-A: b: c\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 404 N\r\nContent-Length: 0\r\n\r\n",
    b"head": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
    b"close": b"HTTP/1.1 400 Bad\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
}


class Scripted(socketserver.StreamRequestHandler):
    """Answers a line with bytes, then closes when the line says so."""

    def handle(self) -> None:
        while line := self.rfile.readline().strip():
            self.wfile.write(ANSWERS.get(line, b""))
            if line == b"close":
                return


@pytest.fixture
def port() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Scripted) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_answers_in_order(port: int) -> None:
    with raw_connection(port) as connection:
        connection.send_bytes(b"two\nhead\nclose\n")
        first, second, head, last = connection.read(), connection.read(), connection.read("HEAD"), connection.read()
        assert (first.status, first.headers["x-a"], first.json()) == (200, "b: c", {})
        assert (second.status, head.status, last.status) == (404, 200, 400)
        assert (head.is_last, last.is_last) == (False, True)
        assert connection.is_closed()


def test_a_closed_connection_is_the_end(port: int) -> None:
    with raw_connection(port) as connection:
        connection.send_bytes(b"\n")
        with pytest.raises(EOFError):
            connection.read()
        connection.send_bytes(b"x" * 100_000)
        connection.send_bytes(b"x" * 100_000)
