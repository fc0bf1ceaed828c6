"""Small applications written by tests: files in a temporary folder, loaded and linked.

In: file names and texts. Out: what load and link make of them, or the lines they report. `own_imports` and `own_logging`
keep what one test did away from the next.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from core.data.databases import Databases
from core.link.linked import Linked
from core.link.linker import link
from core.load import imports
from core.load.loader import Loaded, load, project_folders
from core.load.problems import format_problem
from core.serve.app import App
from core.serve.create import Assembly, build_app
from core.settings import ServerSettings

PLAIN = ServerSettings(default_output=None)


@pytest.fixture
def own_imports() -> Iterator[None]:
    """Lets a test import `projects`, `config` and `generic` of its own."""
    path, modules, resting = list(sys.path), dict(sys.modules), dict(imports._resting)
    yield
    sys.path[:] = path
    imports._resting.clear()
    imports._resting.update(resting)
    for name in ("projects", "config", "generic"):
        imports.drop_package(name)
    sys.modules.update(
        {
            name: module
            for name, module in modules.items()
            if name.partition(".")[0] in ("projects", "config", "generic")
        }
    )


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """What a test, or a command that it runs, changes about logging ends with it."""
    logger = logging.getLogger("catena")
    handlers, level, propagate, last = logger.handlers[:], logger.level, logger.propagate, logging.lastResort
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)
    logger.propagate = propagate
    logging.lastResort = last


def write_files(root: Path, files: Mapping[str, str]) -> Path:
    """Writes files below a folder; the texts may be indented."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip("\n"))
    return root


def load_files(root: Path, files: Mapping[str, str], shared: tuple[str, ...] = ()) -> Loaded:
    """What the loader makes of these files."""
    write_files(root, files)
    return load(project_folders(root, [root / name for name in shared]), root)


def link_files(
    root: Path, files: Mapping[str, str], settings: ServerSettings = PLAIN, mode: str = "test", **options: Any
) -> Linked:
    """What the linker makes of these files."""
    return link(load_files(root, files, **options), settings, mode)


def build_small_app(root: Path, files: Mapping[str, str], settings: ServerSettings = PLAIN) -> App:
    """The application that these files make, without a database; it needs no start."""
    loaded = load_files(root, files)
    return build_app(
        Assembly("test", root, settings, loaded, link(loaded, settings, "test")), Databases({}, memory=True)
    )


def report_files(
    root: Path, files: Mapping[str, str], settings: ServerSettings = PLAIN, mode: str = "test", **options: Any
) -> list[str]:
    """The lines that are printed about these files."""
    try:
        link_files(root, files, settings, mode, **options)
    except ExceptionGroup as group:
        return [format_problem(problem, root) for problem in group.exceptions]
    return []
