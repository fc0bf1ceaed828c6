"""What stands around requests and bodies: trailers, chunks, and many requests at once (F02, E05, HTTP-6)."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from tests.attack.attacker import LIVE
from tests.rig.raw_http import RawAnswer, raw_connection
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


def ask_raw(server: Server, data: bytes) -> RawAnswer:
    with raw_connection(server.port) as connection:
        connection.send_bytes(data)
        return connection.read()


@pytest.mark.parametrize("header", [b"Host: localhost \t", b"Content-Length: 2 ", b"Transfer-Encoding: chunked "])
def test_HTTP_6_blanks_after_a_value_are_no_part_of_it(header: bytes, target_server: Server) -> None:
    """RFC 9112, 5.1. They were kept: such requests were refused, and steps saw values with blanks."""
    host = b"" if header.startswith(b"Host") else b"Host: localhost\r\n"
    length = b"" if header.startswith((b"Content", b"Transfer")) else b"Content-Length: 2\r\n"
    body = b"2\r\n{}\r\n0\r\n\r\n" if header.startswith(b"Transfer") else b"{}"
    head = b"POST /target/echo HTTP/1.1\r\nContent-Type: application/json\r\n" + host + length + header
    assert ask_raw(target_server, head + b"\r\n\r\n" + body).status == 200


@pytest.mark.parametrize("version", [b"0.9", b"1.0", b"2.0"])
def test_HTTP_6_only_1_1_keeps_a_connection(version: bytes, target_server: Server) -> None:
    """A stream has no chunks for other versions, so nothing but the end of the connection ends it."""
    head = b"GET /health/live HTTP/%b\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n" % version
    assert ask_raw(target_server, head).is_last


def test_HTTP_6_an_old_client_gets_one_answer(target_server: Server) -> None:
    """It knows no interim answers, and would take 100 for the answer and the answer for that to its next request."""
    head = CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + b"2\r\n{}\r\n0\r\n\r\n"
    head = head.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n", 1)
    assert ask_raw(target_server, head).status == 200


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://localhost/health/live", 200),
        ("http://elsewhere.com/health/live", 400),
        ("http://user@localhost/health/live", 400),
        ("http://localhost:81/health/live", 400),
        ("/health/live#x", 400),
    ],
)
def test_HTTP_3_a_target_names_no_other_host(target: str, status: int, target_server: Server) -> None:
    """A proxy that lets requests through by their target must not see another host than the one that answers."""
    head = f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert ask_raw(target_server, head.encode()).status == status


def test_HTTP_6_a_request_gets_one_answer(target_server: Server) -> None:
    """Whoever asked next on this connection would take a second one for its own."""
    with raw_connection(target_server.port) as connection:
        connection.send_bytes(CHUNKED.replace(b"/target/echo", b"/target/nothing") + b"2\r\n{}\r\n")
        assert connection.read().status == 404
        connection.send_bytes(b"no chunk\r\n")
        assert connection.is_closed()


def test_f02_an_answer_instead_of_100_is_the_last_one(target_server: Server) -> None:
    """Nobody knows whether the body will come: taken for it, the next request would lose its beginning."""
    head = b"POST /target/nothing HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    assert ask_raw(target_server, head).is_last
    assert not ask_raw(target_server, head + b"12345").is_last


def test_HTTP_6_a_refused_upgrade_is_no_answer_to_the_request_before(target_server: Server) -> None:
    upgrade = CHUNKED.replace(b"\r\n\r\n", b"\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n")
    slow = b"GET /target/accounts HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert ask_raw(target_server, slow + upgrade + b"0\r\n\r\n").status != 400
