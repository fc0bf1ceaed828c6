"""The pages of `docs/`: every example runs, nothing public is left out.

In: Markdown. A Python block whose first line is a comment naming a file is written below a temporary root; the files
of a page form one application, which is loaded, linked and started in memory, and its tests run. The other blocks of a
page run in order, as one module, with `app` (a `TestApp`) and `ctx` (a `Context`) at hand; without files these are of
the demo project. Out: a failure at the line of the page.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from core import WireCode, testing
from core.cli import main
from core.load.configuration import list_modes, load_settings
from core.serve.create import application_folders, assemble
from core.settings import ServerSettings
from core.testing import make_app
from tests.applications import own_imports, write_files
from tests.tools import child_environment
from tests.tree import ROOT

__all__ = ["own_imports"]

DOCS = ROOT / "docs"
PAGES = {page.relative_to(DOCS).as_posix(): page for page in sorted(DOCS.rglob("*.md"))}
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# ((?:projects|config)/[\w/]+\.py)\n")


class Block(NamedTuple):
    """A fenced block; `file` is the one it names, if any, `line` where its text begins."""

    language: str
    text: str
    file: str
    line: int


def read_blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        named = FILE.match(found[2])
        yield Block(found[1], found[2], named[1] if named else "", text.count("\n", 0, found.start(2)))


@pytest.mark.parametrize("name", PAGES)
async def test_every_example_runs(
    name: str, tmp_path: Path, own_imports: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = [block for block in read_blocks(PAGES[name]) if block.language == "python"]
    if not blocks:
        return
    monkeypatch.setenv("CATENA_MONGO_URL", "mongodb://db.example.com/shop")
    files = {block.file: block.text for block in blocks if block.file}
    write_files(tmp_path, files)
    modes = {mode: load_settings(mode, tmp_path) for mode in list_modes(tmp_path)} or {"test": ServerSettings()}
    for mode, settings in modes.items():
        assemble(mode, tmp_path, settings, application_folders(tmp_path))
    own = [tmp_path / "projects" / file.split("/")[1] for file in files if file.startswith("projects/")]
    async with make_app(own[0] if own else ROOT / "projects" / "demo") as app:
        for file in (file for file in files if "/tests/" in file):
            tests = vars(importlib.import_module(file.removesuffix(".py").replace("/", ".")))
            for test in [value for key, value in tests.items() if key.startswith("test_")]:
                await test()
        module = ModuleType("example")
        module.__dict__.update(app=app, ctx=app.context() if app.app.context.linked.routes else None)
        monkeypatch.setitem(sys.modules, "example", module)
        for block in (block for block in blocks if not block.file):
            text = "\n" * block.line + block.text
            waiting = eval(compile(text, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), module.__dict__)
            if inspect.iscoroutine(waiting):
                await waiting


def test_the_commands_of_the_quickstart_work(
    tmp_path: Path, own_imports: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In order, below another root; what would start a server is left out."""
    monkeypatch.setenv("CATENA_LOCAL_URL", "memory")
    for folder in ("config", "projects"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    blocks = list(read_blocks(PAGES["quickstart.md"]))
    write_files(tmp_path, {block.file: block.text for block in blocks if block.file})
    commands = [shlex.split(line) for block in blocks if block.language == "sh" for line in block.text.splitlines()]
    assert commands
    for words in commands:
        if words[:3] == ["python", "-m", "pytest"]:
            place = [str(tmp_path / words[-1]), "-c", "pyproject.toml", "--rootdir", str(tmp_path)]
            done = subprocess.run(
                [sys.executable, "-m", "pytest", *place],
                cwd=ROOT,
                env=child_environment(),
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stdout + done.stderr
        else:
            assert words[:3] == ["python", "server.py", "local"], words
            if len(words) > 3 and words[3] != "--reload":
                assert main([*words[2:], "--root", str(tmp_path)]) == 0, words


def test_every_wire_code_is_explained() -> None:
    text = PAGES["errors.md"].read_text(encoding="utf-8")
    assert [code.value for code in WireCode if f"`{code.value}`" not in text] == []


def test_every_name_of_testing_is_in_the_reference() -> None:
    text = PAGES["reference/testing.md"].read_text(encoding="utf-8")
    own = [name for name, value in vars(testing).items() if getattr(value, "__module__", "") == "core.testing"]
    assert [name for name in own if name[0] != "_" and f"`{name}" not in text] == []
