"""Which files of a project are loaded, what counts as a declaration, and in which folder each kind belongs.

In: the folder of a project; an imported module. Out: files in a fixed order; the declarations of a module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from core.declare.controller import Controller
from core.declare.cron import Cron
from core.declare.function import Command, Init
from core.declare.project import Lib, Project, Settings, Translations
from core.declare.route import Routes
from core.declare.upstream import Upstream
from core.errors import BadDeclaration
from core.load.problems import Problems, did_you_mean
from core.load.registry import Kind
from core.source import Source

#: the sub-folders that are imported, in this order; within them order is that of names
FOLDERS = ("config", "models", "params", "libs", "controllers", "crons", "init", "commands", "routes")
PROJECT_FILE = "project.py"


class ProjectFile(NamedTuple):
    """One file to import: its dotted module name, and its sub-folder of the project (or `project.py`)."""

    path: Path
    module: str
    folder: str


class Declarable(NamedTuple):
    """One kind of declaration, and its folder. `kind` is `None` where nothing refers to it by identity."""

    type: type[Any]
    kind: Kind | None
    name: str
    folder: str


_OBJECTS = (
    Declarable(Controller, "controller", "Controller", "controllers"),
    Declarable(Routes, None, "Routes", "routes"),
    Declarable(Cron, "cron", "@cron", "crons"),
    Declarable(Init, None, "@init", "init"),
    Declarable(Command, "command", "@command", "commands"),
    Declarable(Lib, "lib", "Lib", "libs"),
    Declarable(Project, "project", "Project", PROJECT_FILE),
    Declarable(Translations, "translations", "Translations", "config"),
    Declarable(Upstream, "upstream", "Upstream", "config"),
)
_SETTINGS = Declarable(Settings, "settings", "Settings", "config")
_MODEL = Declarable(type, "model", "Model", "models")


def list_files(folder: Path, package: str, problems: Problems) -> list[ProjectFile]:
    """The files of a project in the order of loading, `project.py` and what is to be ignored left out.

    A folder that is nearly named as a known one is reported: nothing in it would be loaded.
    """
    found: list[ProjectFile] = []
    for name in FOLDERS:
        for path in sorted((folder / name).rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            if any(part.startswith(("_", ".", "test_")) or part == "tests" for part in parts):
                continue
            if problems.attempt(check_names, parts, path):
                found.append(ProjectFile(path, ".".join((package, *parts)), name))
    for place in sorted(folder.iterdir()):
        hint = did_you_mean(place.name, FOLDERS) if place.name not in FOLDERS else ""
        first = next(iter(sorted(place.rglob("*.py"))), None) if hint else None
        if first is not None:
            problems.add(BadDeclaration(Source(str(first), 1), f"the folder '{place.name}' is not loaded", hint))
    return found


def check_names(names: tuple[str, ...], path: Path) -> tuple[str, ...]:
    """The names of a file and its folders, unless no module can have one of them."""
    for name in names:
        if not name.isidentifier():
            better = re.sub(r"^(?=\d)", "v", re.sub(r"\W", "_", name))
            message = f"'{name}' cannot be imported: the name is no identifier"
            raise BadDeclaration(Source(str(path), 1), message, f"rename it, for example to '{better}'")
    return names


def collect_declarations(module: ModuleType, folder: str, problems: Problems) -> Iterator[tuple[Declarable, Any]]:
    """The declarations that stand in a module, each once; misplaced or nameless ones are reported."""
    for value in {id(value): value for value in vars(module).values()}.values():
        declarable = _classify(value)
        source: Source | None = getattr(value, "source", None) if declarable else None
        if declarable is None or source is None or source.file != module.__file__:
            continue
        if folder != declarable.folder:
            here, there = (name if name == PROJECT_FILE else f"{name}/" for name in (folder, declarable.folder))
            message = f"a {declarable.name} in {here} is not loaded"
            problems.add(BadDeclaration(source, message, f"it belongs in {there}"))
        elif isinstance(value, type) and not value.__dict__.get("identity"):
            if not value.__subclasses__():
                hint = f'class {value.__name__}({declarable.name}, identity="<project>-<thing>")'
                problems.add(BadDeclaration(source, f"{value.__name__} has no identity", hint))
        else:
            yield declarable, value


def _classify(value: Any) -> Declarable | None:
    if not isinstance(value, type):
        return next((declarable for declarable in _OBJECTS if isinstance(value, declarable.type)), None)
    if issubclass(value, Settings):
        return _SETTINGS
    return _MODEL if hasattr(value, "__model__") else None
