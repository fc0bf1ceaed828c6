"""The source tree as data, for the tests that hold its rules.

In: a root folder, this repository or a small tree in a temporary folder. Out: files, parsed modules and
their imports. Used by `unit/test_layers.py`, `test_shape.py`, `test_public_api.py`, `test_repository.py`.
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOT_OURS = {".venv", ".data", "__pycache__", "node_modules"}


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module: `target` is its dotted name, `name` the name taken from it, if any."""

    target: str
    name: str | None
    line: int


def python_files(root: Path, *folders: str) -> list[Path]:
    """Every Python file of the folders (or single files) named, sorted; without files that are wrong on purpose."""
    found: list[Path] = []
    for folder in folders:
        start = root / folder
        found += [start] if start.is_file() else sorted(start.rglob("*.py"))
    return [path for path in found if not _is_foreign(path.relative_to(root))]


def _is_foreign(place: Path) -> bool:
    in_broken_project = place.parts[:2] == ("tests", "broken") and len(place.parts) > 3
    return in_broken_project or bool(NOT_OURS & set(place.parts))


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports_of(root: Path, path: Path) -> Iterator[Import]:
    """All imports of a file, those inside functions and under `TYPE_CHECKING` included."""
    package = path.relative_to(root).parent.parts
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, None, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            origin = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield _resolve(root, origin, alias.name, node.lineno)


def _resolve(root: Path, origin: str, name: str, line: int) -> Import:
    """`from core.schema import rules` names the module `core.schema.rules`, not a name of its folder."""
    place = root.joinpath(*origin.split("."))
    is_exported = origin == "core" and name in (exported_names(root) or ())  # `cron` is a decorator and a folder
    if not is_exported and ((place / f"{name}.py").is_file() or (place / name).is_dir()):
        return Import(f"{origin}.{name}", None, line)
    return Import(origin, name, line)


def exported_names(root: Path) -> list[str] | None:
    """`__all__` of `core/__init__.py` as written there, or None where there is none."""
    path = root / "core" / "__init__.py"
    if not path.is_file():
        return None
    for node in parse(path).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            return list(ast.literal_eval(node.value))
    return None


def tracked_files(root: Path = ROOT) -> list[Path]:
    """The files of the repository: what git lists, or every file outside `.git` and caches without git."""
    if (root / ".git").exists():
        command = ["git", "-c", f"safe.directory={root}", "ls-files", "-z"]
        listing = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
        return [root / name for name in listing.split("\0") if name and (root / name).is_file()]
    hidden = {".git", *NOT_OURS}
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return [path for path in files if not hidden & set(path.relative_to(root).parts)]
