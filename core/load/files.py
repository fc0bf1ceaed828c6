"""Which files of a project are loaded, and under which names.

In: the folder of a project. Out: its files in a fixed order, and what is wrong with their names.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import BadDeclaration
from core.load.problems import Problems
from core.load.suggest import find_close
from core.source import Source

#: the sub-folders that are imported, in this order; within them order is that of names
FOLDERS = ("config", "models", "params", "libs", "controllers", "crons", "init", "commands", "routes")
PROJECT_FILE = "project.py"


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """One file to import.

    Attributes:
        path: absolute.
        module: dotted name.
        folder: the project's sub-folder it is in, or `project.py`.
    """

    path: Path
    module: str
    folder: str

    @property
    def package(self) -> str:
        """Dotted name of the folder it is in."""
        return self.module.rpartition(".")[0]


def list_files(folder: Path, package: str, problems: Problems) -> list[ProjectFile]:
    """The files of a project in the order of loading, `project.py` left out.

    Files and folders beginning with `_` or `.`, `tests/` and `test_*.py` are ignored; other names must be
    identifiers. A folder that is nearly named as a known one is reported: nothing in it would be loaded.
    """
    found: list[ProjectFile] = []
    for name in FOLDERS:
        if (folder / name).is_dir():
            found += _walk(str(folder / name), f"{package}.{name}", name, problems)
    for place in sorted(folder.iterdir()):
        close = find_close(place.name, FOLDERS) if place.is_dir() and place.name not in FOLDERS else None
        first = next(iter(sorted(place.rglob("*.py"))), None) if close else None
        if close and first:
            message = f"the folder '{place.name}' is not loaded"
            problems.add(BadDeclaration(Source(str(first), 1), message, f"did you mean '{close}'"))
    return found


def _walk(place: str, package: str, folder: str, problems: Problems) -> Iterator[ProjectFile]:
    with os.scandir(place) as scan:
        entries = sorted(scan, key=lambda entry: entry.name)
    for entry in entries:
        stem = entry.name if entry.is_dir() else entry.name.removesuffix(".py")
        if entry.name.startswith(("_", ".", "test_")) or entry.name == "tests":
            continue
        if not entry.is_dir() and stem == entry.name:
            continue  # no Python file
        if not stem.isidentifier():
            refuse_name(Path(entry.path), problems)
        elif entry.is_dir():
            yield from _walk(entry.path, f"{package}.{stem}", folder, problems)
        else:
            yield ProjectFile(Path(entry.path), f"{package}.{stem}", folder)


def refuse_name(path: Path, problems: Problems) -> None:
    """Report a file or folder whose name no module can have, unless there is no Python in it."""
    first = next(iter(sorted(path.rglob("*.py"))), None) if path.is_dir() else path
    if first is not None:
        stem = path.name if path.is_dir() else path.stem
        better = "".join(char if char.isalnum() else "_" for char in stem)
        better = better if better.isidentifier() else f"v{better}"
        message = f"'{path.name}' cannot be imported: the name is no identifier"
        problems.add(BadDeclaration(Source(str(first), 1), message, f"rename it, for example to '{better}'"))
