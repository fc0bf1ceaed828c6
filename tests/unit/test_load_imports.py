"""Who may import whom, judged from the text of a file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.load.imports import find_forbidden_imports

ALLOWED = [
    "import os, json",
    "from core import Controller",
    "from generic.models.user import User",
    "from projects.demo.models.todo import Todo",
    "import projects.demo.models.todo as todo",
    "from ..models.todo import Todo",
    "from . import other",
    "from .config import x",
    "from projects.demo.config.settings import DemoSettings",
    "from projects.shop.models.price import Price",
    "from projects.shop.params import page",
    "from projects.shop import models",
    "import projects.shop.models",
    "import projects",
    "x = 'import projects.other'",
    "from projects.other import (",
    "# from config.base import settings",
]
FORBIDDEN = [
    ("import config", "config"),
    ("import json, config.base", "config"),
    ("from config import base", "config"),
    ("if x: from config.base import y", "config"),
    ("x = 1; import projects.other", "other"),
    ("import projects.other.models.x", "other"),
    ("from projects import other", "other"),
    ("from projects.other import models", "other"),
    ("from projects.other.models.x import X", "other"),
    ("from ...other.models import x", "other"),
    ("from ... import other", "other"),
    ("from projects.shop import controllers", "shop"),
    ("from projects import shop", "shop"),
    ("from projects.shop.controllers.x import y", "shop"),
    ("def f():\n    from projects.other.models import x", "other"),
    ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import projects.other", "other"),
]


def judge(text: str, project: str = "projects.demo") -> list[str]:
    found = find_forbidden_imports(Path("x.py"), text, f"{project}.controllers.x", project, frozenset({"shop"}))
    return [(re.findall(r"(?:from|project) '(\w+)'", problem.message) or ["config"])[-1] for problem in found]


@pytest.mark.parametrize("text", ALLOWED)
def test_allowed(text: str) -> None:
    assert judge(text) == []


@pytest.mark.parametrize(("text", "project"), FORBIDDEN, ids=[row[0] for row in FORBIDDEN])
def test_forbidden(text: str, project: str) -> None:
    assert judge(text) == [project]


def test_a_shared_project_imports_no_project() -> None:
    assert judge("from generic.models.x import X\nfrom projects.demo.models import y\n", "generic") == ["demo"]


def test_one_line_per_import() -> None:
    assert judge("from projects.other.models import a, b, c") == ["other"]
