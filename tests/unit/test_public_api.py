"""What authors import: `core/__init__` exports what it names, and every name is explained in the reference."""

from __future__ import annotations

import ast
import importlib
import re

import pytest

from tests.tree import ROOT, exported_names, parse

REFERENCE = ROOT / "docs" / "reference"
INIT = ROOT / "core" / "__init__.py"


def bound_names(tree: ast.Module) -> set[str]:
    """Public names a module imports or assigns at its top level, those under `TYPE_CHECKING` included."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return {name for name in found if not name.startswith("_") and name not in {"annotations", "TYPE_CHECKING"}}


def documented_names(text: str) -> set[str]:
    """Names that stand in code marks, alone or with what follows: `Route`, `Route(…)`, `Route[T]`, `Route.chain`."""
    return set(re.findall(r"`@?(?:core\.)?([A-Za-z_]\w*)(?=[`(\[.:= ])", text))


def test_all_is_sorted_and_names_nothing_twice() -> None:
    names = exported_names(ROOT)
    assert names is not None
    assert names == sorted(set(names))


def test_all_is_exactly_what_is_imported_there() -> None:
    assert bound_names(parse(INIT)) == set(exported_names(ROOT) or ())


def test_every_name_can_be_had() -> None:
    core = importlib.import_module("core")
    assert [name for name in exported_names(ROOT) or () if not hasattr(core, name)] == []


def test_every_name_is_in_the_reference() -> None:
    pages = sorted(REFERENCE.glob("*.md"))
    assert pages, "docs/reference is empty"
    documented = documented_names("\n".join(page.read_text(encoding="utf-8") for page in pages))
    assert sorted(set(exported_names(ROOT) or ()) - documented) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from core.a import B, c as d", {"B", "d"}),
        ("from __future__ import annotations\nA = 1\n_b = 2\n__all__ = []", {"A"}),
        ("if TYPE_CHECKING:\n    from core.a import B", {"B"}),
    ],
)
def test_bound_names(text: str, expected: set[str]) -> None:
    assert bound_names(ast.parse(text)) == expected


def test_documented_names() -> None:
    text = "`Route(identity, chain)` and `@cron(…)`, `Page`; `core.Gone`; `Collection[M]`; Plain, `x-y`"
    assert documented_names(text) == {"Route", "cron", "Page", "Gone", "Collection"}
