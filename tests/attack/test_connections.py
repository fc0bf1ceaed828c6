"""Requests that would turn a connection into something else, clients that leave, bodies without end.

By their ids HTTP-6, HTTP-7, HTTP-16, VAL-3.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.attack.attacker import LIVE
from tests.mongo import wait_until
from tests.rig.raw_http import raw_connection
from tests.server import Server

TURNING = {
    "CONNECT": b"CONNECT /target/public/a HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "CONNECT host": b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "h2c": b"GET /target/public/a HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    "websocket": b"GET /target/public/a HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "with a body": b"POST /target/body HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: x\r\n"
    b"Content-Type: application/json\r\nContent-Length: 13\r\n\r\n" + b'{"name": "x"}',
}


@pytest.mark.parametrize("request_bytes", TURNING.values(), ids=TURNING)
def test_HTTP_7_an_upgrade_is_answered_and_the_connection_closed(request_bytes: bytes, target_server: Server) -> None:
    """What follows such a request is not HTTP to the parser: nobody may wait for an answer to it."""
    started = time.monotonic()
    with raw_connection(target_server.port) as connection:
        connection.send_bytes(request_bytes)
        answer = connection.read()
        assert answer.status in ({403} if b"websocket" in request_bytes else {200, 400, 405})
        assert answer.is_last
        assert connection.is_closed()
    with raw_connection(target_server.port) as connection:
        connection.send_bytes(request_bytes + LIVE)
        assert connection.read().is_last
        assert connection.is_closed()
    assert time.monotonic() - started < 2


def test_HTTP_6_what_cannot_be_read_waits_for_the_answers_before_it(target_server: Server) -> None:
    """Else the refusal would pass for the answer to the first request, and that to the first for a failure."""
    before = target_server.output
    for garbage in (b"\x00\x01\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n"):
        with raw_connection(target_server.port) as connection:
            connection.send_bytes(b"GET /target/wait HTTP/1.1\r\nHost: localhost\r\n\r\n" + garbage)
            answer = connection.read()
            assert answer.json() == {"status": 200, "response": "done"}
            assert answer.is_last
            assert connection.is_closed()
    assert "error" not in target_server.output[len(before) :].replace("uvicorn.error", "")


def test_HTTP_6_a_body_that_cannot_be_read_is_refused_at_once(target_server: Server) -> None:
    head = b"POST /target/body HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with raw_connection(target_server.port) as connection:
        connection.send_bytes(head + b"Transfer-Encoding: chunked\r\n\r\n3\r\n{ }\r\n")
        connection.send_bytes(b"nonsense\r\n")
        assert connection.read().status == 400
        assert connection.is_closed()


LEAVING = {
    "at once": b"",
    "in the request line": b"GET /target/pub",
    "in the headers": b"GET /target/wait HTTP/1.1\r\nHost: local",
    "in the body": b"POST /target/body HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b'Content-Length: 100\r\n\r\n{"name": ',
    "in a chunk": b"POST /target/body HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nff\r\n{",
    "while it is answered": b"GET /target/wait HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "while the database works": b"GET /target/query?name=x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "with more on the way": b"GET /target/wait HTTP/1.1\r\nHost: localhost\r\n\r\n" * 5,
    "in a stream": b"GET /target/stream HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


@pytest.mark.parametrize("sent", LEAVING.values(), ids=LEAVING)
@pytest.mark.parametrize("how", ["close", "reset"])
def test_HTTP_16_a_client_that_leaves_is_no_line_in_the_log(how: str, sent: bytes, target_server: Server) -> None:
    before = target_server.output
    for _ in range(20):
        client = socket.create_connection(("127.0.0.1", target_server.port), 5)
        client.sendall(sent)
        if b"stream" in sent:
            assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
        if how == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    # What was begun for them takes 0.3 s; an answer that takes as long comes after all of it.
    assert target_server.get("/target/wait").status == 200
    assert target_server.get("/target/wait").status == 200
    wait_until(lambda: count_connections(target_server) == 0)
    assert target_server.output == before


def count_connections(server: Server) -> int:
    """Open connections of the server, those of this process to it excluded (Linux)."""
    port = f":{server.port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(port) and row[3] in {"01", "08"} for row in rows)


def test_HTTP_16_nothing_is_left_behind_by_clients_that_leave(target_server: Server) -> None:
    """Descriptors of the server after hundreds of them are those it had before."""
    folder = Path(f"/proc/{target_server.process.pid}/fd")

    def count_files() -> int:
        return len(list(folder.iterdir()))

    assert target_server.get("/target/wait").status == 200
    before = count_files()
    for number in range(200):
        with socket.create_connection(("127.0.0.1", target_server.port), 5) as client:
            client.sendall(list(LEAVING.values())[number % len(LEAVING)])
    wait_until(lambda: count_files() <= before + 2)
    assert json.loads(target_server.get("/health/live").body) == {"status": "live"}


def peak_bytes(pid: int) -> int:
    """The most memory since the last `5` in `clear_refs`."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 209715200", b"Transfer-Encoding: chunked"], ids=["length", "chunks"]
)
@pytest.mark.parametrize("path", [b"body", b"form"])
def test_VAL_3_two_hundred_megabytes_are_413_and_take_no_memory(
    framing: bytes, path: bytes, target_server: Server
) -> None:
    kind = b"application/json" if path == b"body" else b"application/x-www-form-urlencoded"
    head = b"POST /target/%b HTTP/1.1\r\nHost: localhost\r\nContent-Type: %b\r\n%b\r\n\r\n" % (path, kind, framing)
    piece = b"x" * 2**20 if framing[:1] == b"C" else b"100000\r\n" + b"x" * 2**20 + b"\r\n"
    pid = target_server.process.pid
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    before, got, sent = peak_bytes(pid), b"", 0
    with socket.create_connection(("127.0.0.1", target_server.port), 10) as client:
        client.sendall(head)
        with suppress(ConnectionError):
            while not got and sent < 200:
                client.sendall(piece)
                sent += 1
                if select.select([client], [], [], 0)[0]:
                    got = client.recv(65_536)
        with suppress(ConnectionError):
            got = got or client.recv(65_536)
    assert got[:13] == b"HTTP/1.1 413 " or not got  # or the connection was reset below the answer
    assert sent < 20
    assert peak_bytes(pid) - before <= 10 * 2**20
    assert target_server.get("/health/live").status == 200
