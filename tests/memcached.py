"""A real memcached for tests: started, stopped, continued and killed at will.

In: nothing; the program comes from the Debian package. Out: `Memcached` processes on free ports, and the fixture
`memcached`. Without the program the test is skipped, see `tests/tools.py`.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.server import free_port
from tests.tools import require_tool


class MemcachedProcess:
    """One memcached; `name` is what `Cache(servers=[…])` takes."""

    def __init__(self) -> None:
        self.port = free_port()
        self.name = f"127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [require_tool("memcached"), "-l", "127.0.0.1", "-p", str(self.port), "-m", "32", "-u", "nobody"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                assert time.monotonic() < deadline, "memcached did not start"
                time.sleep(0.02)
            else:
                return

    def hang(self) -> None:
        """It accepts connections and answers nothing."""
        self._send(signal.SIGSTOP)

    def go_on(self) -> None:
        self._send(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._send(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def ask(self, command: bytes, end: bytes = b"\r\n") -> bytes:
        """The raw answer to a command, on a connection of its own."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            connection.sendall(command + b"\r\n")
            answer = b""
            while not answer.endswith(end):
                answer += connection.recv(65536)
            return answer

    def _send(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)


@pytest.fixture
def memcached() -> Iterator[MemcachedProcess]:
    """A running memcached, gone with the test."""
    process = MemcachedProcess()
    process.start()
    yield process
    process.kill()
