"""Each fault of the proxy as a client sees it; the server behind it echoes lines."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from tests.rig.proxy import Fault, FaultProxy, fault_proxy

pytestmark = pytest.mark.alone


class Echo(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while line := self.rfile.readline():
            self.wfile.write(line)


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        with fault_proxy(server.server_address[1], seed=3) as running:
            yield running
        server.shutdown()


def connect(proxy: FaultProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), 5)


def ask(client: socket.socket, line: bytes = b"hello\n") -> bytes:
    client.sendall(line)
    return client.recv(100)


def test_without_a_fault_bytes_and_ends_pass(proxy: FaultProxy) -> None:
    with connect(proxy) as client:
        assert ask(client) == b"hello\n"
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    assert proxy.accepted == 1


def test_a_delay_keeps_order_and_throughput(proxy: FaultProxy) -> None:
    proxy.fault = Fault(delay_s=0.2)
    with connect(proxy) as client:
        started = time.monotonic()
        client.sendall(b"one\n")
        time.sleep(0.1)  # a piece of its own
        client.sendall(b"two\n")
        answer = b""
        while not answer.endswith(b"two\n"):
            answer += client.recv(100)
        assert answer == b"one\ntwo\n"
        assert 0.3 <= time.monotonic() - started < 0.6


def test_a_dropped_answer_resets_its_connection(proxy: FaultProxy) -> None:
    proxy.fault = Fault(drop=1)
    with connect(proxy) as client, pytest.raises(ConnectionResetError):
        ask(client)
    assert proxy.dropped == 1
    proxy.fault = Fault(drop=0.5)
    lost = 0
    for _ in range(40):
        with connect(proxy) as client:
            try:
                ask(client)
            except ConnectionResetError:
                lost += 1
    assert 10 < lost < 30
    assert proxy.dropped == lost + 1


def test_an_answer_is_cut_in_the_middle(proxy: FaultProxy) -> None:
    proxy.fault = Fault(cut_after=3)
    with connect(proxy) as client:
        got = b""
        with pytest.raises(ConnectionResetError):
            client.sendall(b"hello\n")
            while piece := client.recv(100):
                got += piece
        assert got in {b"", b"hel"}  # an RST may overtake what was sent before it


def test_a_hole_swallows_everything_and_keeps_connections(proxy: FaultProxy) -> None:
    with connect(proxy) as client:
        assert ask(client) == b"hello\n"
        proxy.fault = Fault(hole=True)
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            ask(client)
        proxy.fault = Fault()
        client.settimeout(5)
        assert ask(client, b"again\n") == b"again\n"


def test_refusing_and_listening_again(proxy: FaultProxy) -> None:
    with connect(proxy) as client:
        assert ask(client) == b"hello\n"
        proxy.fault = Fault(refuse=True)
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)
        assert ask(client) == b"hello\n"
    proxy.fault = Fault()
    with connect(proxy) as client:
        assert ask(client) == b"hello\n"


def test_reset_cuts_what_is_open(proxy: FaultProxy) -> None:
    with connect(proxy) as client:
        assert ask(client) == b"hello\n"
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_a_target_that_is_gone_is_a_reset(proxy: FaultProxy) -> None:
    with fault_proxy(1) as empty, pytest.raises(ConnectionResetError), connect(empty) as client:
        client.recv(1)
