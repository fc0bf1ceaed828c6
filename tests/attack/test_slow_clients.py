"""Clients that send or read slowly, or open too much (E08, HTTP-1, HTTP-2); and methods that nobody knows (HTTP-7)."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.edge import edge_server
from tests.mongo import wait_until
from tests.rig.load import finish_load, get_request, run_load, start_load
from tests.rig.raw_http import RawConnection, raw_connection
from tests.server import Server

# Without admission control: what a busy machine makes late must not be refused here.
SHORT = "overload=None, timeouts=Timeouts(header_s=1, keep_alive_s=1, write_s=1, request_s=8), limits=Limits(connections_per_address=120)"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with edge_server(SHORT, measured=True) as running:
        yield running


def time_to_close(connection: RawConnection, trickle: bytes = b"", every_s: float = 0.2) -> float:
    """Seconds until the server ends the connection, while bytes keep coming."""
    started = time.monotonic()
    connection.socket.settimeout(every_s)
    while time.monotonic() - started < 20:
        try:
            if connection.socket.recv(65536) == b"":
                break
        except TimeoutError:
            if trickle:
                connection.send_bytes(trickle)
        except ConnectionError:
            break
    return time.monotonic() - started


SLOW = {
    "nothing": (b"", b"", 2.5),
    "a blank line": (b"\r\n", b"\r\n", 2.5),
    "half a header": (b"GET /edge/tell HTTP/1.1\r\nHost: lo", b"", 2.5),
    "a header byte by byte": (b"GET /edge/tell HTTP/1.1\r\nX: ", b"a", 2.5),
    "a target byte by byte": (b"GET /", b"a", 2.5),
    "idle after an answer": (b"GET /edge/tell HTTP/1.1\r\nHost: localhost\r\n\r\n", b"", 2.5),
    "half a header after an answer": (b"GET /edge/tell HTTP/1.1\r\nHost: localhost\r\n\r\nGET", b"", 2.5),
    "half a body": (b"POST /edge/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\nabc", b"", 6.5),
    "a body byte by byte": (b"POST /edge/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999\r\n\r\n", b"a", 6.5),
    "a chunk byte by byte": (
        b"POST /edge/echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n",
        b"a",
        6.5,
    ),
}


@pytest.fixture(scope="module")
def times(server: Server) -> dict[str, float]:
    """How long each of them was let in, all at the same time."""

    def measure(begin: bytes, trickle: bytes) -> float:
        with raw_connection(server.port) as connection:
            connection.send_bytes(begin)
            return time_to_close(connection, trickle)

    with ThreadPoolExecutor(len(SLOW)) as threads:
        running = {name: threads.submit(measure, begin, trickle) for name, (begin, trickle, _) in SLOW.items()}
        return {name: future.result() for name, future in running.items()}


@pytest.mark.parametrize("name", SLOW)
def test_HTTP_2_e08_slow_senders_are_cut_off(name: str, times: dict[str, float]) -> None:
    assert 0.5 < times[name] < SLOW[name][2]


def test_HTTP_2_a_body_in_steady_pieces_is_read(server: Server) -> None:
    """Slower than the deadline of a header, faster than 1 KiB/s."""
    with raw_connection(server.port) as connection:
        connection.send_bytes(b"POST /edge/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16000\r\n\r\n")
        for _ in range(16):
            connection.send_bytes(b"x" * 1000)
            with suppress(TimeoutError):
                connection.socket.settimeout(0.15)
                connection.socket.recv(1, socket.MSG_PEEK)
        connection.socket.settimeout(10)
        assert connection.read().json()["response"] == 16000


def test_e08_who_does_not_read_is_cut_off(server: Server) -> None:
    """A stream of 600 MB to a client that reads nothing: the writer waits, and then the connection ends."""
    with raw_connection(server.port) as connection:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.send("GET", "/edge/flood")
        wait_until(lambda: not is_connected(server.port, connection.socket.getsockname()[1]))


def is_connected(port: int, own_port: int) -> bool:
    """Whether the server still has its end of a connection open (Linux)."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    wanted = (f":{port:04X}", f":{own_port:04X}")
    return any(row[1].endswith(wanted[0]) and row[2].endswith(wanted[1]) and row[3] == "01" for row in rows)


HEADERS = {
    "one long header in pieces": b"GET /edge/tell HTTP/1.1\r\nX: " + b"a" * 400_000,
    "many headers": b"GET /edge/tell HTTP/1.1\r\n" + b"X-Y: z\r\n" * 60_000,
    "a long target": b"GET /" + b"a" * 400_000,
}


@pytest.mark.parametrize("data", HEADERS.values(), ids=HEADERS)
def test_HTTP_2_e05_endless_headers_are_431_before_they_are_kept(data: bytes, server: Server) -> None:
    with raw_connection(server.port) as connection:
        connection.send_bytes(data)
        answer = connection.read()
        assert (answer.status, answer.is_last) == (431, True)
        assert answer.json()["errors"][0]["code"] == "HeadersTooLarge"
        assert answer.headers["x-content-type-options"] == "nosniff"


UNKNOWN = {"BREW": 405, "get": 405, "G<T": 405, "\x16\x03\x01": 405, "TRACE": 405, "__CLASS__": 405}


@pytest.mark.parametrize(("method", "status"), UNKNOWN.items(), ids=[repr(name) for name in UNKNOWN])
def test_HTTP_7_a11_unknown_methods_are_answered_in_the_envelope(method: str, status: int, server: Server) -> None:
    with raw_connection(server.port) as connection:
        connection.send(method, "/edge/tell")
        answer = connection.read()
        assert answer.status == status
        assert answer.json()["errors"][0]["code"] == "MethodNotAllowed"
        assert "GET" in answer.headers["allow"]
        assert answer.headers["content-type"] == "application/json; charset=utf-8"


def test_what_is_no_http_is_400_in_the_envelope(server: Server) -> None:
    with raw_connection(server.port) as connection:
        connection.send_bytes(b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n")
        answer = connection.read()
        assert (answer.status, answer.json()["errors"][0]["code"], answer.is_last) == (400, "BadRequest", True)
        assert connection.is_closed()


def test_e08_one_address_has_so_many_connections_and_no_more(server: Server) -> None:
    with ExitStack() as stack:
        kept = [stack.enter_context(raw_connection(server.port)) for _ in range(120)]
        refused = stack.enter_context(raw_connection(server.port))
        answer = refused.read()
        assert (answer.status, answer.is_last) == (503, True)
        assert int(answer.headers["retry-after"]) >= 1
        assert refused.is_closed()
        kept[0].send("GET", "/edge/tell")
        assert kept[0].read().status == 200
    assert server.wait_for("/edge/tell", timeout_s=5).status == 200


def test_HTTP_1_slow_clients_do_not_slow_down_the_others(server: Server) -> None:
    """A hundred of four kinds; the baseline is the same load without them."""
    request = get_request("/edge/tell")
    baseline = run_load(server.port, request, 100, 2)
    load = start_load(server.port, request, 100, 4)
    kinds = [
        b"",
        b"GET /edge/tell HTTP/1.1\r\nX: ",
        SLOW["a body byte by byte"][0],
        b"GET /edge/flood HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ]
    with ExitStack() as stack:
        slow = [stack.enter_context(raw_connection(server.port)) for _ in range(80)]
        for number, connection in enumerate(slow):
            connection.send_bytes(kinds[number % 4])
        found = finish_load(load)
    assert found.failed + found.late + found.refused + sum(found.statuses.values()) <= 0.001 * found.offered
    assert found.percentile_ms(0.99) <= max(2 * baseline.percentile_ms(0.99), 250)
