"""Loading stays cheap: fifty files within the budget, warm."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from core.load.imports import drop_package
from core.load.loader import Loaded, load, project_folders
from tests.timing import cpu_ms

BUDGET_MS = 100

CONTROLLER = '''"""Controller {n}."""

from __future__ import annotations

from projects.big.libs.lib_{n} import PRICES
from core.declare.controller import Controller

todos = Controller("big-todos-{n}", version="1.0")


@todos.list(responses={{200: "Success"}})
async def list_todos(ctx: object) -> dict[str, float]:
    """Lists prices."""
    return PRICES


@todos.create(responses={{200: "Success", 409: "DataRecordAlreadyExist"}})
async def create_todo(ctx: object) -> None:
    """Creates nothing."""
'''
LIB = '''"""Library {n}."""

from core.declare.project import Lib

lib = Lib("big-lib-{n}")
PRICES = {{"milk": 1.2, "bread": {n}}}
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for kind, text in (("controllers", CONTROLLER), ("libs", LIB)):
        folder = tmp_path / "projects" / "big" / kind
        folder.mkdir(parents=True)
        for n in range(25):
            (folder / f"{kind[:-1] if kind == 'libs' else 'todos'}_{n}.py").write_text(text.format(n=n))
    return tmp_path


def test_fifty_files_load_within_the_budget(root: Path, own_imports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)  # warm means that bytecode is there

    def load_anew() -> Loaded:
        drop_package("projects")
        return load(project_folders(root), root)

    loaded = load_anew()  # compiles
    took_ms = cpu_ms(load_anew)
    assert list(loaded.problems) == []
    assert len(loaded.registry.all("controller")) == len(loaded.registry.all("lib")) == 25
    print(f"50 files in {took_ms:.1f} ms")
    assert took_ms < BUDGET_MS
