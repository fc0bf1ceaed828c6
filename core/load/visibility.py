"""Who may import whom: `core`, shared projects, itself, and `models/` and `params/` of required projects.

In: the text of a file and its project. Out: forbidden imports, as line, project and reason. Parsing costs
more than importing a cached file, so a regular expression first looks whether there is anything to judge.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

SHARED_FOLDERS = ("models", "params")

_CONFIG_HINT = "ctx.settings and ctx.config give settings to steps"
_FOREIGN_HINT = "in chains write use(identity, version)"


@dataclass(frozen=True, slots=True)
class Forbidden:
    """An import that the rules do not admit. `project`: the one it reaches into, or `config`."""

    line: int
    project: str
    message: str
    hint: str


def find_forbidden_imports(text: str, package: str, project: str, requires: frozenset[str]) -> Iterator[Forbidden]:
    """The imports of a file that its project may not make, those under `TYPE_CHECKING` included.

    Args:
        text: the file.
        package: dotted name of the file's folder, for relative imports.
        project: dotted name of its project: `projects.demo`, or `generic`.
        requires: folder names of required projects.
    """
    if not _suspicious(project).search(text):
        return
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return  # its import reports it
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for target in _targets(node, package):
                forbidden = _judge(node.lineno, target, project, requires)
                if forbidden is not None:
                    yield forbidden


@cache
def _suspicious(project: str) -> re.Pattern[str]:
    words = rf"(?!{re.escape(project)}\b)\bprojects\b|(?<![.\w])config\b|\.\.\."
    return re.compile(rf"(?m)(?:^|[:;])[ \t]*(?:from|import)\b[^\n]*(?:{words})")


def _targets(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[list[str]]:
    if isinstance(node, ast.Import):
        yield from (alias.name.split(".") for alias in node.names)
        return
    parts = package.split(".")
    base = parts[: len(parts) - node.level + 1] if node.level else []
    origin = [*base, *(node.module.split(".") if node.module else [])]
    if len(origin) > 1:
        names: list[list[str]] = [[]] if len(origin) > 2 else [[alias.name] for alias in node.names]
        yield from ([*origin, *name] for name in names)
    else:
        yield from ([*origin, alias.name] for alias in node.names)


def _judge(line: int, target: list[str], project: str, requires: frozenset[str]) -> Forbidden | None:
    first, *rest = target
    if first == "config":
        return Forbidden(line, "config", "a project may not import config", _CONFIG_HINT)
    if first != "projects" or ".".join(target[:2]) == project or not rest:
        return None
    other = rest[0]
    own = project.rpartition(".")[2]
    if other not in requires:
        if not project.startswith("projects."):
            return Forbidden(line, other, f"{own} may not import a project: '{other}'", _FOREIGN_HINT)
        message = f"project '{own}' imports from '{other}', which it does not require"
        hint = f'Project("{own}", requires=["{other}"]) opens its models and params; {_FOREIGN_HINT}'
        return Forbidden(line, other, message, hint)
    if len(rest) < 2 or rest[1] not in SHARED_FOLDERS:
        message = f"only models/ and params/ of project '{other}' may be imported"
        return Forbidden(line, other, message, _FOREIGN_HINT)
    return None
