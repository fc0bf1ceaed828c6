"""The tour of the README, done as written: every command runs, every output that is shown is what comes out.

It runs in a copy of the repository, at a port of its own; `…` in an output stands for anything.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import free_port, server_environment
from tests.tools import require_tool
from tests.tree import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COPIED = ["Makefile", "config", "core", "generic", "projects", "pyproject.toml", "requirements.lock", "server.py"]
#: commands that stay in the foreground until they are stopped
SERVERS = ("make run", "python server.py local --reload")


def read_steps() -> list[tuple[str, str]]:
    """Each command block with the output that is shown behind it, if any."""
    steps: list[tuple[str, str]] = []
    for kind, text in BLOCK.findall(README):
        if kind == "sh":
            steps.append((text.strip(), ""))
        else:
            steps[-1] = (steps[-1][0], text.strip())
    return steps


class Terminals:
    """Two terminals in a copy of the repository: one for the server, one for everything else."""

    def __init__(self, root: Path, port: int) -> None:
        self.root = root
        self.port = port
        variables = {"CATENA_PORT": str(port), "PATH": f"{root / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"}
        self.environment = server_environment(variables)
        self.server: subprocess.Popen[bytes] | None = None

    def run(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-euc", command.replace("localhost:3000", f"localhost:{self.port}")],
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout}"
        return done.stdout

    def serve(self, command: str) -> None:
        """Stop the server with Ctrl-C, if one runs, and start another."""
        self.stop()
        with (self.root / "server.log").open("wb") as log:
            self.server = subprocess.Popen(
                ["bash", "-euc", f"exec {command}"],
                cwd=self.root,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        ready = f"curl -sf localhost:{self.port}/health/ready"
        while subprocess.run(ready.split(), stdout=subprocess.DEVNULL).returncode:
            assert self.server.poll() is None, (self.root / "server.log").read_text()
            assert time.monotonic() < deadline, (self.root / "server.log").read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        if self.server is not None:
            if self.server.poll() is None:
                os.killpg(self.server.pid, signal.SIGINT)
            self.server.wait(30)
            self.server = None


@pytest.fixture
def terminals(mongod_binary: Path) -> Iterator[Terminals]:
    root = Path(tempfile.mkdtemp(prefix="catena-"))
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, root / name)
    venv = root / ".venv"
    venv.mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (venv / name).symlink_to(ROOT / ".venv" / name)
    (venv / ".ready").touch()  # what `make install` leaves behind
    opened = Terminals(root, free_port())
    yield opened
    opened.stop()
    shutil.rmtree(root, ignore_errors=True)


def pattern_of(shown: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, shown.split("…"))), re.DOTALL)


def test_the_tour_works_as_it_is_written(terminals: Terminals) -> None:
    require_tool("make")
    require_tool("curl")
    steps = read_steps()
    assert len(steps) >= 9
    for command, shown in steps:
        if command in SERVERS:
            terminals.serve(command)
            continue
        output = terminals.run(command).strip()
        if shown:
            assert pattern_of(shown).fullmatch(output), f"$ {command}\nshown:\n{shown}\ncame:\n{output}"


def test_links_of_the_pages_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not target.startswith(("http:", "https:")) and not (page.parent / target).exists()
    ]
    assert broken == []
