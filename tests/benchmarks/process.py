"""Server processes: started on a core, asked whether they answer, ended.

In: a command line. Out: `Process` with its port, CPU seconds and memory.
"""

from __future__ import annotations

import http.client
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.machine import children_of, cpu_s, on_cores, rss_mb
from tests.server import free_port
from tests.tools import child_environment
from tests.tree import ROOT

APPLICATION = ROOT / "tests" / "benchmarks" / "root"
READY_S = 60


@dataclass
class Process:
    """A running server."""

    name: str
    popen: subprocess.Popen[bytes]
    port: int

    def workers(self) -> list[int]:
        """The processes that serve: its children where it supervises, else itself."""
        return children_of(self.popen.pid) or [self.popen.pid]

    def cpu_s(self) -> float:
        return sum(cpu_s(pid) for pid in self.workers())

    def rss_mb(self) -> float:
        return max(rss_mb(pid) for pid in self.workers())

    def ask(self, path: str, body: bytes = b"", key: str = "") -> tuple[int, bytes]:
        """Status and body of an answer: to a GET, or to a POST where there is a JSON body to send."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            headers = {"content-type": "application/json"} if body else {}
            headers |= {"key": key} if key else {}
            connection.request("POST" if body else "GET", path, body or None, headers)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def wait_for(self, path: str) -> None:
        """Poll until a path answers 200.

        Raises:
            SystemExit: the server ended, or does not answer in time.
        """
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline and self.popen.poll() is None:
            try:
                if self.ask(path)[0] == 200:
                    return
            except OSError:
                pass  # it does not listen yet
            time.sleep(0.002)
        raise SystemExit(f"the server '{self.name}' does not answer {path}")


def catena_command(mode: str, root: Path, *options: str) -> list[str]:
    """The command line of Catena, without a port."""
    return [sys.executable, str(ROOT / "server.py"), mode, "serve", "--root", str(root), *options]


def comparison_command(name: str) -> list[str]:
    """The command line of one of `servers/`, without a port."""
    return [sys.executable, "-m", "tests.benchmarks.servers", name]


@contextmanager
def start(name: str, command: list[str], cores: Collection[int], ready: str, **variables: str) -> Iterator[Process]:
    """A server on these cores that answers `ready`, ended with the block.

    Args:
        name: for messages.
        command: without `--port`.
        cores: it may use.
        ready: path that must answer 200; `""` to not wait.
        variables: environment variables.
    """
    port = free_port()
    # A file, because what is written to nowhere costs nothing.
    with tempfile.TemporaryFile() as output, on_cores(cores):
        popen = subprocess.Popen(
            [*command, "--port", str(port)],
            cwd=ROOT,
            env=child_environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
        )
    process = Process(name, popen, port)
    try:
        if ready:
            process.wait_for(ready)
        yield process
    finally:
        popen.terminate()
        try:
            popen.wait(20)
        except subprocess.TimeoutExpired:
            popen.kill()
            popen.wait()
