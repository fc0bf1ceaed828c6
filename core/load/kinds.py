"""What counts as a declaration, and in which folder each kind belongs.

In: an imported module of a project. Out: the declarations that stand in this very file; imported ones are
collected where they stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from core.declare.controller import Controller
from core.declare.cron import Cron
from core.declare.function import Command, Init
from core.declare.project import Lib, Project, Settings, Translations
from core.declare.route import Routes
from core.errors import BadDeclaration
from core.load.files import PROJECT_FILE, ProjectFile
from core.load.problems import Problems
from core.load.registry import Kind
from core.source import Source


@dataclass(frozen=True, slots=True)
class Declarable:
    """One kind of declaration. `kind` is `None` where nothing refers to it by identity."""

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
)
_SETTINGS = Declarable(Settings, "settings", "Settings", "config")
_MODEL = Declarable(type, "model", "Model", "models")


def classify(value: Any) -> Declarable | None:
    """The kind of a value, or `None` for what is no declaration."""
    if isinstance(value, type):
        if issubclass(value, Settings):
            return None if value is Settings else _SETTINGS
        return _MODEL if hasattr(value, "__model__") else None
    return next((declarable for declarable in _OBJECTS if isinstance(value, declarable.type)), None)


def collect_declarations(module: ModuleType, file: ProjectFile, problems: Problems) -> Iterator[tuple[Declarable, Any]]:
    """The declarations of a file, in the order of the file, each once.

    One in a folder where its kind does not belong is reported and left out; so is a model or settings class
    without identity, unless it is the base of others.
    """
    seen: set[int] = set()
    for value in list(vars(module).values()):
        declarable = classify(value)
        source: Source | None = getattr(value, "source", None) if declarable else None
        if declarable is None or source is None or source.file != module.__file__ or id(value) in seen:
            continue
        seen.add(id(value))
        if file.folder != declarable.folder:
            problems.add(_misplaced(declarable, source, file))
        elif isinstance(value, type) and not value.__dict__.get("identity"):
            if not value.__subclasses__():
                problems.add(_nameless(declarable, source, value))
        else:
            yield declarable, value


def _misplaced(declarable: Declarable, source: Source, file: ProjectFile) -> BadDeclaration:
    where = f"in {PROJECT_FILE}" if file.folder == PROJECT_FILE else f"below {file.folder}/"
    right = declarable.folder if declarable.folder == PROJECT_FILE else f"{declarable.folder}/"
    return BadDeclaration(source, f"a {declarable.name} {where} is not loaded", f"it belongs in {right}")


def _nameless(declarable: Declarable, source: Source, value: type[Any]) -> BadDeclaration:
    return BadDeclaration(
        source,
        f"{value.__name__} has no identity",
        f'class {value.__name__}({declarable.name}, identity="<project>-<thing>")',
    )
