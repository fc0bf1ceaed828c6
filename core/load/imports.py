"""Imports of projects: which folder a top-level name stands for, and who may import whom.

In: names and folders; the text of a file. Out: entries of `sys.modules`; forbidden imports. Projects are imported
plainly, so two applications in one process (tests, mostly) would share `projects.demo`: each root keeps its own.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, resolve_name
from pathlib import Path
from types import ModuleType
from typing import Final

from core.errors import BadDeclaration
from core.source import Source

#: modules of the folders a name stood for before: (name, folder) → module name → module
_resting: dict[tuple[str, str], dict[str, ModuleType]] = {}

_STATEMENTS: Final = (ast.stmt, ast.excepthandler, ast.match_case)
_FOREIGN_HINT = "in chains write use(identity, version)"


def put_first(root: Path) -> None:
    """Make `root` the first place of imports; namespace packages do not follow `sys.path` to another folder."""
    for name in {"projects", "config", "generic"} & sys.modules.keys():
        sys.modules[name].__path__ = list(sys.modules[name].__path__)
    sys.path[:] = [str(root), *(place for place in sys.path if place != str(root))]


def bind_package(name: str, folder: Path) -> None:
    """Let `name` be the namespace package of this folder and no other.

    Modules of another folder rest until the name means that one again: an application loaded twice keeps its classes.
    """
    text = str(folder)
    bound = sys.modules.get(name)
    places = [str(place) for place in getattr(bound, "__path__", ())]
    if bound is not None and places[:1] == [text]:
        bound.__path__ = [text]
        return
    _resting[name, "".join(places[:1])] = drop_package(name)
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [text]
    sys.modules.update(_resting.pop((name, text), {}) or {name: module_from_spec(spec)})


def drop_package(name: str) -> dict[str, ModuleType]:
    """Forget a package and all its modules, and hand them out: the next import reads the files again."""
    names = [known for known in sys.modules if known == name or known.startswith(f"{name}.")]
    return {known: sys.modules.pop(known) for known in names}


def find_forbidden_imports(
    path: Path, text: str, module: str, project: str, requires: frozenset[str]
) -> Iterator[BadDeclaration]:
    """The imports that a file of a project may not make, those under `TYPE_CHECKING` included.

    A project may import itself, shared projects, and `models/` and `params/` of the projects it requires.
    """
    try:
        nodes: list[ast.AST] = [*ast.parse(text).body]
    except (SyntaxError, ValueError):
        return  # its import reports it
    for node in nodes:
        # What imports is a statement: to look into expressions, too, took half of the time of a start.
        nodes += [inner for inner in ast.iter_child_nodes(node) if isinstance(inner, _STATEMENTS)]
        if isinstance(node, ast.Import | ast.ImportFrom):
            for target in _targets(node, module.rpartition(".")[0]):
                problem = _judge(target.split("."), project, requires)
                if problem is not None:
                    yield BadDeclaration(Source(str(path), node.lineno), *problem)


def _targets(node: ast.Import | ast.ImportFrom, package: str) -> list[str]:
    names = [alias.name for alias in node.names]
    if isinstance(node, ast.Import):
        return names
    try:
        origin = resolve_name("." * node.level + (node.module or ""), package)
    except ImportError:
        return []
    return [origin] if origin.count(".") > 1 else [f"{origin}.{name}" for name in names]


def _judge(target: list[str], project: str, requires: frozenset[str]) -> tuple[str, str] | None:
    """Message and hint, or `None` when the import is fine."""
    if target[0] == "config":
        return "a project may not import config", "ctx.settings and ctx.config give settings to steps"
    if target[0] != "projects" or len(target) == 1 or ".".join(target[:2]) == project:
        return None
    other, own = target[1], project.rpartition(".")[2]
    if other not in requires:
        hint = f'Project("{own}", requires=["{other}"]) opens its models and params; {_FOREIGN_HINT}'
        return f"project '{own}' imports from '{other}', which it does not require", hint
    if target[2:3] not in (["models"], ["params"]):
        return (f"only models/ and params/ of project '{other}' may be imported", _FOREIGN_HINT)
    return None
