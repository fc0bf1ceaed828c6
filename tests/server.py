"""Real server processes for tests: `python server.py …` in a root folder of its own, and a plain HTTP client.

In: a root, a mode, options. Out: a running server with an address; it is ended with the `with` block, whatever
the test did to it. Answers are read by `http.client`, so nothing here knows how the server is made.
"""

from __future__ import annotations

import atexit
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.tools import child_environment
from tests.tree import ROOT

START_S = 60


@pytest.fixture
def demo_root() -> Iterator[Path]:
    """A root folder with a copy of `config/` and of the demo, and data of its own."""
    root = make_demo_root()
    yield root
    shutil.rmtree(root, ignore_errors=True)


def make_demo_root() -> Path:
    """The same as a plain function; its path is short, because a socket stands in it."""
    root = Path(tempfile.mkdtemp(prefix="catena-"))
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "config", root / "config", ignore=ignored)
    shutil.copytree(ROOT / "projects" / "demo", root / "projects" / "demo", ignore=ignored)
    return root


def server_environment(variables: Mapping[str, str], *, measured: bool = False) -> dict[str, str]:
    """The environment of a server: with compiled files of Python even where the tests themselves write none.

    Args:
        variables: to add.
        measured: leave coverage out.
    """
    inherited = child_environment() if measured else dict(os.environ)
    if inherited.get("PYTHONDONTWRITEBYTECODE"):
        inherited |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": _compiled_folder()}
    return inherited | dict(variables)


@cache
def _compiled_folder() -> str:
    folder = tempfile.mkdtemp(prefix="catena-compiled-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Answer:
    """An answer as the client read it; `headers` by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    """A running `python server.py`."""

    process: subprocess.Popen[str]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        """Everything it has printed so far."""
        return self.log.read_text(errors="replace")

    def request(
        self, method: str, path: str, *, json_body: Any = None, body: bytes = b"", timeout_s: float = 30, **headers: str
    ) -> Answer:
        """Send a request on a connection of its own; `_` in header names is `-`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if json_body is not None:
            body = json.dumps(json_body).encode()
            sent.setdefault("content-type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        try:
            connection.request(method, path, body=body or None, headers=sent)
            reply = connection.getresponse()
            found = {name.lower(): value for name, value in reply.getheaders()}
            return Answer(reply.status, found, reply.read())
        finally:
            connection.close()

    def get(self, path: str, **options: Any) -> Answer:
        return self.request("GET", path, **options)

    def wait_for(self, path: str, status: int = 200, timeout_s: float = START_S) -> Answer:
        """Poll until a path answers with a status."""
        deadline = time.monotonic() + timeout_s
        last: object = None
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                pytest.fail(f"the server ended with {self.process.returncode}:\n{self.output}")
            try:
                answer = self.get(path)
            except OSError as error:
                last = error
            else:
                if answer.status == status:
                    return answer
                last = answer
            time.sleep(0.01)
        return pytest.fail(f"{path} did not answer {status} in {timeout_s} s, but {last}\n{self.output}")

    def stop(self, sig: int = signal.SIGTERM, timeout_s: float = 30) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        self.process.send_signal(sig)
        return self.process.wait(timeout_s)


def server_command(root: Path, mode: str, port: int, *options: str) -> list[str]:
    """The command line of a server."""
    return [sys.executable, str(ROOT / "server.py"), mode, "serve", "--root", str(root), "--port", str(port), *options]


@contextmanager
def start_server(
    root: Path,
    mode: str = "test",
    *options: str,
    port: int | None = None,
    ready: str = "/health/ready",
    measured: bool = False,
    **variables: str,
) -> Iterator[Server]:
    """A server that answers `ready` (`""`: do not wait), ended at the latest with the block.

    Args:
        root: with `config/` and `projects/`.
        mode: name of a file in `config/`.
        options: of `serve`.
        port: to listen on; a free one by default.
        ready: path that must answer 200.
        measured: leave coverage out, because time or memory is measured.
        variables: environment variables.
    """
    port = port or free_port()
    command = server_command(root, mode, port, *options)
    log = root / f"server-{port}.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=root,
            env=server_environment(variables, measured=measured),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            text=True,
        )
    server = Server(process, port, log)
    try:
        if ready:
            server.wait_for(ready)
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def run_command(
    root: Path, *arguments: str, timeout_s: float = 60, **variables: str
) -> subprocess.CompletedProcess[str]:
    """`python server.py <arguments> --root <root>`, run to its end."""
    return subprocess.run(
        [sys.executable, str(ROOT / "server.py"), *arguments, "--root", str(root)],
        cwd=root if root.is_dir() else ROOT,  # where files go that a project opens when it is imported
        env=server_environment(variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def is_refused(port: int) -> bool:
    """Whether nobody listens on a port of this machine; a listener that closes just now may reset who comes."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass
    return False
