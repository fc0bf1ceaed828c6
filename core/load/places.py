"""The line of the configuration on which a setting stands.

In: the dotted path of a setting. Out: its place in `config/<mode>.py`, or in another file of `config/`, or
the first line of the former. Read only to explain a mistake: values come from importing the file.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from core.source import Source

Trail = tuple[str, ...]


def find_place(root: Path, mode: str, trail: Trail) -> Source:
    """Where a setting is given.

    Args:
        root: the application's folder.
        mode: whose file is searched first.
        trail: names and keys down to the setting: `("databases", "main", "url")`.
    """
    own = root / "config" / f"{mode}.py"
    others = sorted(path for path in own.parent.glob("*.py") if path != own)
    tails = [trail[start:] for start in range(max(1, len(trail) - 1))]
    heads = [trail[:end] for end in range(len(trail) - 1, 0, -1)]
    for wanted in (*tails, *heads):
        for path in (own, *others):
            line = _find_line(path, wanted) if path.is_file() else None
            if line is not None:
                return Source(str(path), line)
    return Source(str(own), 1)


def _find_line(path: Path, trail: Trail) -> int | None:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return None
    return next((line for found, line in _trails(tree, ()) if found[-len(trail) :] == trail), None)


def _trails(node: ast.AST, trail: Trail) -> Iterator[tuple[Trail, int]]:
    """Every keyword argument, dictionary key and list index below a node, with the trail to it."""
    if isinstance(node, ast.keyword) and node.arg:
        trail = (*trail, node.arg)
        yield trail, node.lineno
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            inner = (*trail, str(key.value)) if isinstance(key, ast.Constant) else trail
            if key is not None and inner != trail:
                yield inner, key.lineno
            yield from _trails(value, inner)
        return
    if isinstance(node, ast.List | ast.Tuple):
        for index, value in enumerate(node.elts):
            yield (*trail, str(index)), value.lineno
            yield from _trails(value, (*trail, str(index)))
        return
    for child in ast.iter_child_nodes(node):
        yield from _trails(child, trail)
