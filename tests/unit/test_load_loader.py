"""Folders become declarations: names, order, isolation, and what is left out."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from core.load.files import list_files
from core.load.loader import load, project_folders
from core.load.problems import Problems, format_problem
from core.source import Source
from tests.applications import load_files, report_files, write_files

pytestmark = pytest.mark.usefixtures("own_imports")

CONTROLLER = """
    from core.declare.controller import Controller

    todos = Controller("demo-todos")

    @todos.list
    async def list_todos(ctx): ...
"""
LIB = 'from core.declare.project import Lib\n\nlib = Lib("{name}")\nVALUE = {value}\n'


def lines(loaded) -> list[str]:
    return [format_problem(problem, loaded.root) for problem in loaded.problems]


def test_modules_have_the_names_that_authors_import(tmp_path: Path) -> None:
    loaded = load_files(
        tmp_path,
        {
            "projects/demo/controllers/deep/er/todos.py": CONTROLLER,
            "generic/libs/mail.py": LIB.format(name="generic-mail", value=1),
        },
        shared=("generic",),
    )
    controller = loaded.registry.get("controller", "demo-todos")
    assert sys.modules["projects.demo.controllers.deep.er.todos"].todos is controller
    assert loaded.registry.get("lib", "generic-mail") is sys.modules["generic.libs.mail"]
    assert [project.package for project in loaded.projects.values()] == ["generic", "projects.demo"]
    assert sys.path[0] == str(tmp_path)
    assert controller.source == Source(str(tmp_path / "projects/demo/controllers/deep/er/todos.py"), 3)


def test_a_declaration_is_collected_only_where_it_stands(tmp_path: Path) -> None:
    loaded = load_files(
        tmp_path,
        {
            "projects/demo/controllers/todos.py": CONTROLLER,
            "projects/demo/libs/reuse.py": "from projects.demo.controllers.todos import todos\nsame = again = todos\n",
        },
    )
    assert lines(loaded) == []
    assert len(loaded.registry.all("controller")) == 1


def test_order_is_by_kind_of_folder_then_name(tmp_path: Path) -> None:
    files = {f"projects/demo/libs/{name}.py": LIB.format(name=name, value=1) for name in ("b", "a", "c")}
    loaded = load_files(tmp_path, files)
    assert [module.lib.identity for module in loaded.registry.all("lib")] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "name",
    ["_draft.py", "test_x.py", "tests/data.py", "_old/x.py", "__pycache__/x.py", ".hidden/x.py", "notes.txt", "x.pyi"],
)
def test_ignored_files(name: str, tmp_path: Path) -> None:
    loaded = load_files(tmp_path, {f"projects/demo/libs/{name}": "1 / 0\n", "projects/_old/libs/x.py": "1 / 0\n"})
    assert lines(loaded) == []


def test_a_folder_without_python_may_be_called_anything(tmp_path: Path) -> None:
    write_files(tmp_path, {"projects/demo/libs/my-data/x.json": "{}", "projects/my-docs/readme.md": "x"})
    assert lines(load(project_folders(tmp_path), tmp_path)) == []


def test_no_projects_at_all(tmp_path: Path) -> None:
    assert project_folders(tmp_path) == []
    assert load([], tmp_path).projects == {}


def test_applications_in_one_process_keep_their_modules_apart(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for root, value in ((one, 1), (two, 2)):
        write_files(root, {"projects/demo/libs/x.py": LIB.format(name="demo-x", value=value)})
    first = load(project_folders(one), one).registry.get("lib", "demo-x")
    second = load(project_folders(two), two).registry.get("lib", "demo-x")
    again = load(project_folders(one), one).registry.get("lib", "demo-x")
    assert (first.VALUE, second.VALUE) == (1, 2)
    assert again is first


def test_a_package_found_by_pytest_or_an_editor_is_narrowed_to_the_root(tmp_path: Path, monkeypatch) -> None:
    write_files(tmp_path, {"projects/demo/libs/x.py": LIB.format(name="demo-x", value=1)})
    write_files(tmp_path / "other", {"projects/demo/libs/y.py": "VALUE = 1\n"})
    sys.modules.pop("projects", None)
    monkeypatch.syspath_prepend(str(tmp_path / "other"))
    monkeypatch.syspath_prepend(str(tmp_path))
    before = __import__("projects")
    load(project_folders(tmp_path), tmp_path)
    assert sys.modules["projects"] is before
    assert list(before.__path__) == [str(tmp_path / "projects")]


def test_a_disabled_project_is_not_loaded_at_all(tmp_path: Path) -> None:
    loaded = load_files(
        tmp_path,
        {
            "projects/old/project.py": 'from core.declare.project import Project\nproject = Project("old", disabled=True)\n',
            "projects/old/controllers/todos.py": "1 / 0\n",
        },
    )
    assert lines(loaded) == []
    assert loaded.projects["old"].disabled
    assert loaded.registry.all("project") == ()


def test_a_disabled_declaration_leaves_its_name_free(tmp_path: Path) -> None:
    loaded = load_files(
        tmp_path,
        {
            "projects/demo/libs/a.py": 'from core.declare.project import Lib\nlib = Lib("demo-x", disabled=True)\n',
            "projects/demo/libs/b.py": LIB.format(name="demo-x", value=2),
        },
    )
    assert lines(loaded) == []
    assert loaded.registry.get("lib", "demo-x").VALUE == 2


def test_two_folders_of_one_name(tmp_path: Path) -> None:
    files = {
        "generic/libs/a.py": LIB.format(name="a", value=1),
        "projects/generic/libs/b.py": LIB.format(name="b", value=1),
    }
    loaded = load_files(tmp_path, files, shared=("generic",))
    assert lines(loaded) == ["projects/generic/project.py:1: there is another project 'generic': generic/project.py"]


def test_two_projects_in_one_file(tmp_path: Path) -> None:
    text = """
        from core.declare.project import Project
        a = Project("demo")
        b = Project("demo")
    """
    loaded = load_files(tmp_path, {"projects/demo/project.py": text})
    assert lines(loaded) == [
        "projects/demo/project.py:3: project 'demo@1.0' is declared at projects/demo/project.py:2, too"
    ]


def test_texts_of_the_configuration_are_loaded(tmp_path: Path) -> None:
    text = """
        from config.words import HELLO
        from core.declare.project import Translations
        translations = Translations("system", {"Hello": HELLO})
    """
    loaded = load_files(tmp_path, {"config/translations.py": text, "config/words.py": 'HELLO = {"en": "Hello"}\n'})
    assert loaded.registry.get("translations", "system").texts == {"Hello": {"en": "Hello"}}


FAILURES = [
    (
        "import json\njson.loads('{')\n",
        "2: JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
    ),
    ("raise ValueError\n", "1: ValueError"),
    ("def f():\n    return {}['x']\n\n\nf()\n", "2: KeyError: 'x'"),
    ("x = 1\n  y = 2\n", "2: IndentationError: unexpected indent"),
    ("import nowhere.at.all\n", "1: ModuleNotFoundError: No module named 'nowhere'"),
    ("from nowhere import x\n", "1: ModuleNotFoundError: No module named 'nowhere'"),
    ("import math\nmath.sqr\n", "2: AttributeError: module 'math' has no attribute 'sqr' (did you mean 'sqrt')"),
    ("from math import sqr\n", "1: ImportError: cannot import name 'sqr' from 'math' (did you mean 'sqrt')"),
    ("raise ImportError('odd')\n", "1: ImportError: odd"),
    ("printt('x')\n", "1: NameError: name 'printt' is not defined (did you mean 'print')"),
    (
        "def f(*, limit): ...\n\n\nf(limt=1)\n",
        "4: TypeError: f() got an unexpected keyword argument 'limt' (did you mean 'limit')",
    ),
    ("dict(a=1)(b=2)\n", "1: TypeError: 'dict' object is not callable"),
    ("import sys\nsys.exit(2)\n", "2: SystemExit: 2"),
    (
        "from core.cron.schedule import Schedule\nSchedule.crontab('x')\n",
        "2: a crontab line has five or six fields, not 1",
    ),
    ("from core.cron.schedule import Schedule\nSchedule.crontab('0 0 31 2 *')\n", None),
]


@pytest.mark.parametrize(("text", "expected"), FAILURES, ids=[text[:40] for text, _ in FAILURES])
def test_a_file_that_fails_is_reported_at_its_own_line(text: str, expected: str | None, tmp_path: Path) -> None:
    found = lines(load_files(tmp_path, {"projects/demo/libs/x.py": text, "projects/demo/libs/y.py": "1 / 0\n"}))
    assert found[1] == "projects/demo/libs/y.py:1: ZeroDivisionError: division by zero"
    assert found[0].startswith("projects/demo/libs/x.py:")
    assert expected is None or found[0] == f"projects/demo/libs/x.py:{expected}"


def test_unreadable_text_is_reported(tmp_path: Path) -> None:
    write_files(tmp_path, {"projects/demo/libs/x.py": ""})
    (tmp_path / "projects/demo/libs/x.py").write_bytes(b"x = 1\x00\n")
    (problem,) = load(project_folders(tmp_path), tmp_path).problems
    assert "null bytes" in problem.message


def test_one_cause_is_reported_once(tmp_path: Path) -> None:
    files = {
        "projects/demo/libs/a.py": "from projects.demo.libs.b import x\n",
        "projects/demo/libs/b.py": "x = 1\nx.y\n",
        "projects/demo/libs/c.py": "from projects.demo.libs.a import x\n",
        "projects/demo/controllers/c.py": 'from core.declare.controller import Controller\nc = Controller("demo-c")\n1 / 0\n',
        "projects/demo/routes/api.py": """
            from core.declare.route import Path, Route, Routes
            from core.declare.controller import use
            api = Routes(group="demo", paths=[Path("/x", list=Route("x", chain=[use("demo-c")]))])
        """,
    }
    assert report_files(tmp_path, files) == [
        "projects/demo/controllers/c.py:3: ZeroDivisionError: division by zero",
        "projects/demo/libs/b.py:2: AttributeError: 'int' object has no attribute 'y'",
    ]


def test_a_forbidden_import_is_reported_once_although_it_fails(tmp_path: Path) -> None:
    found = lines(load_files(tmp_path, {"projects/demo/libs/x.py": "from projects.shop.models.x import X\n"}))
    assert len(found) == 1 and "does not require" in found[0]


def test_files_of_a_project_without_known_folders(tmp_path: Path) -> None:
    write_files(tmp_path, {"helpers/x.py": "", "controllr/readme.md": "", "readme.md": ""})
    problems = Problems()
    assert list_files(tmp_path, "projects.demo", problems) == []
    assert list(problems) == []
