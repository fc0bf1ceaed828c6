"""What stands around requests and bodies: trailers, chunks, and many requests at once (F02, E05, HTTP-6)."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from tests.attack.attacker import LIVE
from tests.rig.raw_http import raw_connection
from tests.server import Server

CHUNKED = b"POST /target/echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("split", [True, False], ids=["in pieces", "at once"])
def test_f02_what_follows_a_body_is_no_header(split: bool, target_server: Server) -> None:
    """Proxies set and remove headers, and let trailers pass."""
    head = b"GET /target/private/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
    rest = b"X-Key: open sesame\r\nHost: elsewhere\r\n\r\n" + LIVE
    with raw_connection(target_server.port) as connection:
        connection.send_bytes(head if split else head + rest)
        if split:
            time.sleep(0.05)  # another packet
            connection.send_bytes(rest)
        assert connection.read().status == 401
        assert connection.read().json() == {"status": "live"}


OVERHEAD = {
    "one trailer": b"2\r\n{}\r\n0\r\nX: " + b"a" * 4_000_000,
    "many trailers": b"2\r\n{}\r\n0\r\n" + b"X: a\r\n" * 600_000,
    "an extension of a chunk": b"2;" + b"a" * 4_000_000,
    "chunks of a byte": b"1\r\n \r\n" * 600_000,
    "blank lines": b"2\r\n{}\r\n0\r\n\r\n" + b"\r\n" * 2_000_000,
}


@pytest.mark.parametrize("data", OVERHEAD.values(), ids=OVERHEAD)
def test_e05_what_is_no_body_is_bounded(data: bytes, target_server: Server) -> None:
    """Its time alone would let gigabytes in, and end without a word."""
    with raw_connection(target_server.port, 30) as connection:
        connection.send_bytes(CHUNKED + data)
        answers = []
        with suppress(EOFError):
            while True:
                answers.append(connection.read().status)
    assert answers in ([431], [200, 431])


def test_e05_pipelined_requests_wait_as_bytes(target_server: Server) -> None:
    """Each was made ready when it arrived, which took 2 KB, and reading went on while thousands of them waited."""
    folder = Path("/proc", str(target_server.process.pid))

    def read_kib(name: str) -> int:
        lines = (folder / "status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name))

    (folder / "clear_refs").write_text("5")  # the highest mark begins anew
    before, count = read_kib("VmRSS"), 8_000
    with raw_connection(target_server.port, 30) as connection, ThreadPoolExecutor(1) as thread:
        thread.submit(connection.send_bytes, LIVE * count)
        answers = [connection.read().status for _ in range(count)]
    assert answers == [200] * count
    assert read_kib("VmHWM") - before < 4 * 1024


def test_HTTP_6_bodies_of_pipelined_requests_are_read_in_their_turn(target_server: Server) -> None:
    """Bodies that look like requests, cut anywhere."""
    bodies = [b'{"n": %d, "text": "%b"}' % (number, b"GET / HTTP/1.1 " * number) for number in range(120)]
    with raw_connection(target_server.port, 30) as connection:
        for body in bodies:
            connection.send("POST", "/target/echo", body)
        for number in range(len(bodies)):
            assert connection.read().json()["response"]["n"] == number
        connection.send_bytes(LIVE)
        assert connection.read().json() == {"status": "live"}
