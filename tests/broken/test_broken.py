"""Broken projects: each folder here is an application with one kind of mistake, and the lines that report it.

In: `<case>/projects`, often `<case>/config/test.py`. Out: exactly `<case>/expected.txt`. To accept new output after
reading it: `CATENA_ACCEPT=1 .venv/bin/pytest tests/broken`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from core.link.linker import link
from core.load.configuration import load_settings
from core.load.imports import drop_package
from core.load.loader import load, project_folders
from core.load.problems import format_problem
from core.settings import ServerSettings

HERE = Path(__file__).resolve().parent
CASES = sorted(path.name for path in HERE.iterdir() if path.is_dir() and not path.name.startswith(("_", ".")))


@pytest.fixture(autouse=True)
def own_imports():
    """Each case imports its own `projects` and `config`."""
    before = list(sys.path)
    yield
    sys.path[:] = before
    drop_package("projects")
    drop_package("config")


def report(root: Path) -> list[str]:
    """What is printed about an application in mode test."""
    try:
        settings = ServerSettings(default_output=None)
        if (root / "config").is_dir():
            settings = load_settings("test", root)
        link(load(project_folders(root), root), settings, "test")
    except ExceptionGroup as group:
        return [format_problem(problem, root) for problem in group.exceptions]
    return []


@pytest.mark.parametrize("case", CASES)
def test_broken_project_is_reported(case: str) -> None:
    lines = report(HERE / case)
    expected = HERE / case / "expected.txt"
    if os.environ.get("CATENA_ACCEPT") == "1":
        expected.write_text("".join(f"{line}\n" for line in lines))
    assert lines == expected.read_text().splitlines()


def test_every_case_expects_something() -> None:
    assert len(CASES) >= 28
    assert [case for case in CASES if not (HERE / case / "expected.txt").read_text().strip()] == []
