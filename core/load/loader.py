"""From folders to declarations: imports every file of every project and files what it declares.

In: the folders of projects. Out: `Loaded`: a frozen registry, routes files, start functions, and everything
that was wrong. Before it: `configuration.py`; after it: `link/linker.py`.
"""

from __future__ import annotations

import builtins
import importlib
import inspect
import re
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from core.declare.function import Init
from core.declare.project import Project
from core.declare.route import Routes
from core.errors import BadDeclaration, DuplicateIdentity, ImportFailed, LoadError, UnresolvedReference
from core.load.files import PROJECT_FILE, Declarable, ProjectFile, check_names, collect_declarations, list_files
from core.load.imports import bind_package, find_forbidden_imports, put_first
from core.load.problems import Problems, did_you_mean
from core.load.registry import Registry
from core.source import Source

#: what newer Pythons add to messages: our hint says it, and paths of installed files help nobody
_OWN_HINT = re.compile(r"\. Did you mean:? '[^']*'\?|(?<=') \((?:unknown location|[^()]*[/\\][^()]*)\)$")
_KEYWORD = re.compile(r"(\w+)(?:\.__init__)?\(\) got an unexpected keyword argument '(\w+)'")
_NAME_FROM = re.compile(r"cannot import name '(\w+)' from '([\w.]+)'")


@dataclass(frozen=True, slots=True)
class LoadedProject:
    """A project folder; `source` is its `Project(...)`, or the place where that would stand."""

    name: str
    package: str
    folder: Path
    source: Source
    requires: frozenset[str] = frozenset()
    disabled: bool = False


@dataclass(slots=True)
class Loaded:
    """Everything that was declared, in the order of loading.

    `lost` holds the texts of files that failed: what they would have declared is not reported as unknown.
    """

    root: Path
    registry: Registry
    projects: dict[str, LoadedProject] = field(default_factory=dict)
    routes: list[tuple[Routes, LoadedProject]] = field(default_factory=list)
    inits: list[Init[..., Any]] = field(default_factory=list)
    problems: Problems = field(default_factory=Problems)
    lost: list[str] = field(default_factory=list)

    def is_lost(self, identity: str) -> bool:
        """Whether a file that failed mentions the identity."""
        return any(f'"{identity}"' in text or f"'{identity}'" in text for text in self.lost)


def load(folders: Sequence[Path], root: Path) -> Loaded:
    """Import the files of these projects and collect what they declare.

    Mistakes in projects are in `problems`, all of them; a file that fails to import hides nothing but itself. Folders
    of `root/projects` become `projects.<name>`, others their own name; `root` comes first on `sys.path`.
    """
    root, folders = root.resolve(), [folder.resolve() for folder in folders]
    put_first(root)
    importlib.invalidate_caches()
    loader = _Loader(Loaded(root, Registry(root)), [*folders, root / "config"])
    for folder in folders:
        loader.open_project(folder)
    for project in loader.loaded.projects.values():
        if not project.disabled:
            loader.load_project(project)
    loader.load_translations()
    loader.loaded.registry.freeze()
    return loader.loaded


def project_folders(root: Path, shared: Sequence[Path] = ()) -> list[Path]:
    """The folders an application consists of: shared ones, then those of `root/projects` by name."""
    folders = [*shared, *sorted((root / "projects").glob("*"))]
    return [path for path in folders if path.is_dir() and not path.name.startswith(("_", "."))]


def import_file(name: str, path: Path, folders: Iterable[Path]) -> ModuleType | LoadError:
    """Import a module plainly; what it raises becomes a `LoadError` at the deepest line in one of the folders."""
    try:
        return importlib.import_module(name)
    except SystemExit as error:
        return _explain(error, path, folders)
    except Exception as error:  # noqa: BLE001 - authors' code may raise anything, and all of it is reported
        return _explain(error, path, folders)


def _explain(error: BaseException, path: Path, folders: Iterable[Path]) -> LoadError:
    inside = tuple(f"{folder}/" for folder in folders)
    source, scope = Source(str(path), 1), {}
    for frame, line in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_filename.startswith(inside):
            source, scope = Source(frame.f_code.co_filename, line), frame.f_globals
    if isinstance(error, LoadError):
        return error if error.source.file.startswith(inside) else type(error)(source, error.message, error.hint)
    text = _OWN_HINT.sub("", str(error))
    if isinstance(error, SyntaxError) and (error.filename or "").startswith(inside):
        source, text = Source(str(error.filename), error.lineno or 1), error.msg
    message = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return ImportFailed(source, message, _find_hint(error, scope))


def _find_hint(error: BaseException, scope: Mapping[str, Any]) -> str:
    """What the author of a failed line may have meant; `scope`: the globals of that line."""
    name = getattr(error, "name", None)
    if isinstance(error, NameError):
        return did_you_mean(name or "", {*scope, *vars(builtins)})
    if isinstance(error, AttributeError):
        return did_you_mean(name or "", (public for public in dir(error.obj) if not public.startswith("_")))
    if isinstance(error, ImportError) and (found := _NAME_FROM.search(str(error))):
        return did_you_mean(found[1], vars(sys.modules.get(found[2], ModuleType(""))))
    if isinstance(error, TypeError) and (found := _KEYWORD.search(str(error))) and callable(scope.get(found[1])):
        return did_you_mean(found[2], inspect.signature(scope[found[1]]).parameters)
    return ""


@dataclass(frozen=True, slots=True)
class _Loader:
    """One run over all folders."""

    loaded: Loaded
    folders: Sequence[Path]

    def open_project(self, folder: Path) -> None:
        """Bind the top-level package of a project and import its `project.py`."""
        loaded, name, source = self.loaded, folder.name, Source(str(folder / PROJECT_FILE), 1)
        own = folder.parent.name == "projects"
        bind_package("projects" if own else name, folder.parent if own else folder)
        first = next(iter(sorted(folder.rglob("*.py"))), None)
        if first is None or not loaded.problems.attempt(check_names, (name,), first):
            return
        known = loaded.projects.get(name)
        if known is not None:
            message = f"there is another project '{name}': {known.source.relative_to(loaded.root).file}"
            loaded.problems.add(DuplicateIdentity(source, message))
            return
        project = LoadedProject(name, f"projects.{name}" if own else name, folder, source)
        loaded.projects[name] = project
        if (folder / PROJECT_FILE).is_file():
            self._load(ProjectFile(folder / PROJECT_FILE, f"{project.package}.project", PROJECT_FILE), project)

    def load_project(self, project: LoadedProject) -> None:
        """Import the files of a project."""
        for name in sorted(project.requires):
            other = self.loaded.projects.get(name)
            if other is None or other.disabled:
                message = f"required project '{name}' is disabled" if other else f"unknown project '{name}'"
                hint = "" if other else did_you_mean(name, self.loaded.projects)
                self.loaded.problems.add(UnresolvedReference(project.source, message, hint))
        for file in list_files(project.folder, project.package, self.loaded.problems):
            self._load(file, project)

    def load_translations(self) -> None:
        """Import `config/translations.py`: texts that belong to no project."""
        path = self.loaded.root / "config" / "translations.py"
        if path.is_file():
            bind_package("config", path.parent)
            self._load(ProjectFile(path, "config.translations", "config"), None)

    def _load(self, file: ProjectFile, project: LoadedProject | None) -> None:
        """Import a file and take in what it declares itself."""
        problems, text = self.loaded.problems, file.path.read_text(encoding="utf-8", errors="replace")
        if project is not None:
            for bad in find_forbidden_imports(file.path, text, file.module, project.package, project.requires):
                problems.add(bad)
        module = import_file(file.module, file.path, self.folders)
        if isinstance(module, ModuleType):
            for declarable, value in collect_declarations(module, file.folder, problems):
                problems.attempt(self._take, declarable, value, module, project)
            return
        self.loaded.lost.append(text)
        if not problems.knows(module.source):
            problems.add(module)

    def _take(self, declarable: Declarable, value: Any, module: ModuleType, project: LoadedProject | None) -> None:
        if declarable.kind is not None:
            self.loaded.registry.add(declarable.kind, value, module if declarable.kind == "lib" else value)
        elif isinstance(value, Init):
            self.loaded.inits.append(value)
        elif project is not None:
            self.loaded.routes.append((value, project))
        if isinstance(value, Project) and project is not None:
            self.loaded.projects[project.name] = replace(
                project, source=value.source, requires=frozenset(value.requires), disabled=value.disabled
            )
            if value.identity != project.name:
                message = f"Project('{value.identity}') stands in the folder '{project.name}'"
                hint = f"a project has the name of its folder: Project('{project.name}')"
                raise BadDeclaration(value.source, message, hint)
