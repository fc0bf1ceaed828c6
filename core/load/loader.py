"""From folders to declarations: imports every file of every project and files what it declares.

In: the folders of projects. Out: `Loaded`: a frozen registry, routes files, init functions, and everything
that was wrong. Before it: `configuration.py`; after it: `link/linker.py`.
"""

from __future__ import annotations

import importlib
import re
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from core.declare.function import Init
from core.declare.project import Project
from core.declare.route import Routes
from core.errors import BadDeclaration, DuplicateIdentity, ImportFailed, LoadError, UnresolvedReference
from core.load.files import PROJECT_FILE, ProjectFile, list_files, refuse_name
from core.load.kinds import Declarable, collect_declarations
from core.load.packages import bind_package, put_first
from core.load.problems import Problems
from core.load.registry import Registry
from core.load.suggest import did_you_mean, hint_for
from core.load.visibility import find_forbidden_imports
from core.source import Source

#: what newer Pythons add to messages: our hint says it, and paths of installed files help nobody
_OWN_HINT = re.compile(r"\. Did you mean:? '[^']*'\?|(?<=') \((?:unknown location|[^()]*[/\\][^()]*)\)$")

#: stands for the project of what `config/` declares
_NO_PROJECT = ""


@dataclass(frozen=True, slots=True)
class LoadedProject:
    """A folder that was loaded.

    Attributes:
        name: of the folder, what others refer to.
        package: dotted name its modules are imported under.
        folder: absolute.
        source: its `Project(...)`, or the place where that would stand.
        requires: projects whose models and params it may import.
        shared: whether it stands beside `projects/`, so that every project may import from it.
        disabled: whether it says so; nothing else of it was loaded then.
    """

    name: str
    package: str
    folder: Path
    source: Source
    requires: frozenset[str] = frozenset()
    shared: bool = False
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Loaded:
    """Everything that was declared.

    Attributes:
        root: messages name files relative to it.
        registry: frozen.
        projects: by folder name.
        routes: routes files with their projects, in the order of loading.
        inits: start functions in the order of loading.
        forbidden: (file, project) of imports that were refused, so that `link/` does not report them again.
        problems: what is wrong so far.
    """

    root: Path
    registry: Registry
    projects: Mapping[str, LoadedProject]
    routes: tuple[tuple[Routes, LoadedProject], ...]
    inits: tuple[Init[..., Any], ...]
    forbidden: frozenset[tuple[str, str]] = frozenset()
    problems: tuple[LoadError, ...] = ()

    def relative(self, source: Source) -> Source:
        """The place as messages name it."""
        return source.relative_to(self.root)


def load(folders: Sequence[Path], root: Path) -> Loaded:
    """Import the files of these projects and collect what they declare.

    Nothing is raised for mistakes in projects: they are in `problems`, all of them, and a file that fails to
    import hides nothing but itself.

    Args:
        folders: one per project; those in `root/projects` become `projects.<name>`, others their own name.
        root: the application's folder; it comes first on `sys.path`.
    """
    return _Loader(root.resolve()).load([folder.resolve() for folder in folders])


def project_folders(root: Path, shared: Sequence[Path] = ()) -> list[Path]:
    """The folders an application consists of: shared ones, then those of `root/projects` by name."""
    place = root / "projects"
    own = sorted(path for path in place.iterdir() if path.is_dir()) if place.is_dir() else []
    folders = [*(path for path in shared if path.is_dir()), *own]
    return [path for path in folders if not path.name.startswith(("_", "."))]


def import_file(name: str, path: Path, folders: Sequence[Path]) -> ModuleType | LoadError:
    """Import a module plainly; what it raises becomes a `LoadError`.

    Args:
        name: dotted name.
        path: the file it must come from.
        folders: the error names the deepest line in one of these.
    """
    try:
        module = importlib.import_module(name)
    except SystemExit as error:
        return _explain(error, path, folders)
    except Exception as error:  # noqa: BLE001 - authors' code may raise anything, and all of it is reported
        return _explain(error, path, folders)
    if module.__file__ != str(path):
        return ImportFailed(Source(str(path), 1), f"'{name}' is imported from {module.__file__} instead")
    return module


def _explain(error: BaseException, path: Path, folders: Sequence[Path]) -> LoadError:
    frames = [
        (Source(frame.f_code.co_filename, line), frame.f_globals)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if _is_within(frame.f_code.co_filename, folders)
    ]
    source, scope = frames[-1] if frames else (Source(str(path), 1), {})
    if isinstance(error, LoadError):
        inside = _is_within(error.source.file, folders)
        return error if inside else type(error)(source, error.message, error.hint)
    if isinstance(error, SyntaxError) and _is_within(error.filename or "", folders):
        source = Source(str(error.filename), error.lineno or 1)
        return ImportFailed(source, f"{type(error).__name__}: {error.msg}")
    text = _OWN_HINT.sub("", str(error))
    message = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return ImportFailed(source, message, hint_for(error, scope))


def _is_within(file: str, folders: Sequence[Path]) -> bool:
    return any(file.startswith(f"{folder}/") for folder in folders)


@dataclass
class _Loader:
    """One run over all folders."""

    root: Path
    problems: Problems = field(default_factory=Problems)
    projects: dict[str, LoadedProject] = field(default_factory=dict)
    routes: list[tuple[Routes, LoadedProject]] = field(default_factory=list)
    inits: list[Init[..., Any]] = field(default_factory=list)
    forbidden: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.registry = Registry(self.root)
        self.folders: list[Path] = []

    def load(self, folders: list[Path]) -> Loaded:
        self.folders = folders
        put_first(self.root)
        importlib.invalidate_caches()
        for folder in folders:
            self._load_project_file(self._place(folder))
        for project in self.projects.values():
            if not project.disabled:
                self._load_files(project)
        self._load_translations()
        self.registry.freeze()
        return Loaded(
            self.root,
            self.registry,
            MappingProxyType(self.projects),
            tuple(self.routes),
            tuple(self.inits),
            frozenset(self.forbidden),
            tuple(self.problems),
        )

    def _place(self, folder: Path) -> LoadedProject:
        """Names the folder and binds its top-level package."""
        source = Source(str(folder / PROJECT_FILE), 1)
        if folder.parent.name == "projects":
            bind_package("projects", folder.parent)
            return LoadedProject(folder.name, f"projects.{folder.name}", folder, source)
        bind_package(folder.name, folder)
        return LoadedProject(folder.name, folder.name, folder, source, shared=True)

    def _load_project_file(self, project: LoadedProject) -> None:
        path = project.folder / PROJECT_FILE
        if not project.name.isidentifier():
            refuse_name(project.folder, self.problems)
            return
        known = self.projects.get(project.name)
        if known is not None:
            place = known.source.relative_to(self.root).file
            message = f"there is another project '{project.name}': {place}"
            self.problems.add(DuplicateIdentity(project.source, message))
            return
        self.projects[project.name] = project
        if not path.is_file():
            return
        file = ProjectFile(path, f"{project.package}.project", PROJECT_FILE)
        for _, declared in self._declarations(file, project):
            self._take_project(declared, project)

    def _take_project(self, declared: Project, project: LoadedProject) -> None:
        if declared.identity != project.name:
            message = f"Project('{declared.identity}') stands in the folder '{project.name}'"
            hint = f"a project has the name of its folder: Project('{project.name}')"
            self.problems.add(BadDeclaration(declared.source, message, hint))
        self.registry.add("project", declared, self.problems, project=project.name)
        self.projects[project.name] = replace(
            project, source=declared.source, requires=frozenset(declared.requires), disabled=declared.disabled
        )

    def _load_files(self, project: LoadedProject) -> None:
        self._check_requires(project)
        for file in list_files(project.folder, project.package, self.problems):
            for declarable, value in self._declarations(file, project):
                self._take(declarable, value, file, project)

    def _check_requires(self, project: LoadedProject) -> None:
        for name in sorted(project.requires):
            other = self.projects.get(name)
            if other is None or other.disabled:
                message = f"required project '{name}' is disabled" if other else f"unknown project '{name}'"
                hint = "" if other else did_you_mean(name, self.projects)
                self.problems.add(UnresolvedReference(project.source, message, hint))

    def _declarations(self, file: ProjectFile, project: LoadedProject) -> Iterator[tuple[Declarable, Any]]:
        """Imports a file and gives what it declares itself, in order."""
        text = file.path.read_text(encoding="utf-8", errors="replace")
        if project.name != _NO_PROJECT:
            for bad in find_forbidden_imports(text, file.package, project.package, project.requires):
                self.problems.add(BadDeclaration(Source(str(file.path), bad.line), bad.message, bad.hint))
                self.forbidden.add((str(file.path), bad.project))
        module = import_file(file.module, file.path, self.folders)
        if isinstance(module, ModuleType):
            yield from collect_declarations(module, file, self.problems)
            return
        self.registry.lose(text)
        if not self.problems.knows(module.source.file, module.source.line):
            self.problems.add(module)

    def _take(self, declarable: Declarable, value: Any, file: ProjectFile, project: LoadedProject) -> None:
        if isinstance(value, Routes):
            self.routes.append((value, project))
        elif isinstance(value, Init):
            self.inits.append(value)
        elif declarable.kind is not None:
            found = sys.modules[file.module] if declarable.kind == "lib" else value
            self.registry.add(declarable.kind, value, self.problems, project=project.name, value=found)

    def _load_translations(self) -> None:
        """Those of `config/translations.py`: texts that belong to no project."""
        folder = self.root / "config"
        path = folder / "translations.py"
        if path.is_file():
            bind_package("config", folder)
            self.folders = [*self.folders, folder]
            file = ProjectFile(path, "config.translations", "config")
            project = LoadedProject(_NO_PROJECT, "config", folder, Source(str(path), 1))
            for declarable, value in self._declarations(file, project):
                self._take(declarable, value, file, project)
