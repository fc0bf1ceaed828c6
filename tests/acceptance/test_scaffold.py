"""`new project NAME`: what it writes loads, answers, passes its own test and the checks of this repository."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.cli import main
from core.commands.scaffold import class_name
from core.testing import make_app
from tests.applications import own_imports
from tests.tools import child_environment
from tests.tree import ROOT

__all__ = ["own_imports"]

FILES = {
    "config/settings.py",
    "controllers/notes.py",
    "crons/clean_up.py",
    "models/note.py",
    "project.py",
    "routes/api.py",
    "tests/test_notes.py",
}
CONFIG = (
    "from core import LOCAL, Mongo, ServerSettings\nsettings = ServerSettings(databases={'main': Mongo(url=LOCAL)})\n"
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "local.py").write_text(CONFIG)
    return tmp_path


def new(root: Path, name: str) -> int:
    return main(["--root", str(root), "new", "project", name])


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=child_environment(), capture_output=True, text=True, timeout=120
    )


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.py")}


async def test_a_new_project_answers(root: Path, own_imports: None) -> None:
    assert new(root, "web_shop") == 0
    async with make_app(root / "projects" / "web_shop") as app:
        created = await app.client.post("/web_shop/v1/notes", json={"text": "milk"})
        assert (created.status, created.json()["response"]["text"]) == (200, "milk")
        services = (await app.client.get("/web_shop/v1/services")).json()["response"]
        assert [service["id"] for service in services] == ["list-notes", "create-note", "delete-note", "services"]
        unknown = await app.client.get("/web_shop/v1/notes?page=2")
        assert unknown.json()["errors"][0]["code"] == "AdditionalParamsNotAllowed"


def test_it_says_what_it_wrote_and_what_is_next(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert new(root, "shop") == 0
    lines = capsys.readouterr().out.splitlines()
    assert files_below(root / "projects" / "shop") == FILES
    assert {line.removeprefix("wrote projects/shop/") for line in lines if line.startswith("wrote ")} == FILES
    assert [line.split("  ")[1] for line in lines[lines.index("Next:") + 1 :]] == [
        f"python server.py local routes --root {root}",
        f"python -m pytest {root}/projects/shop",
        f"python server.py local --root {root}",
    ]


def test_the_files_pass_the_checks_and_their_own_test(root: Path) -> None:
    assert new(root, "shop") == 0
    folder = root / "projects" / "shop"
    text = "".join(path.read_text() for path in folder.rglob("*.py")).lower()
    assert "@name@" not in text
    for tool in (
        ("ruff", "check", "--config", "pyproject.toml", "--ignore", "INP001,D,S101"),
        ("ruff", "format", "--check", "--config", "pyproject.toml"),
        ("pytest", "-q", "-p", "no:cacheprovider", "-c", "pyproject.toml", "--rootdir", str(root)),
    ):
        done = run("-m", *tool, str(folder))
        assert done.returncode == 0, done.stdout + done.stderr
    listed = run("server.py", "local", "routes", "--root", str(root))
    assert listed.returncode == 0, listed.stderr
    assert "/shop/v1/notes" in listed.stdout


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("my-shop", "cannot be imported", id="dash"),
        pytest.param("1shop", "cannot be imported", id="digit first"),
        pytest.param("a b", "cannot be imported", id="blank"),
        pytest.param("", "cannot be imported", id="empty"),
        pytest.param("../shop", "cannot be imported", id="another folder"),
        pytest.param("class", "cannot be imported", id="keyword"),
        pytest.param("_shop", "cannot be imported", id="would not be loaded"),
        pytest.param("größe", "cannot be imported", id="not ASCII"),
        pytest.param("generic", "folder of Catena itself", id="generic"),
        pytest.param("core", "folder of Catena itself", id="core"),
    ],
)
def test_names_that_no_project_can_have(root: Path, name: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert new(root, name) == 1
    told = capsys.readouterr()
    assert told.out == ""
    [line] = told.err.splitlines()
    assert line.startswith(f"new project: '{name}'")
    assert words in line
    assert not (root / "projects").exists()


def test_an_existing_folder_is_left_alone(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = root / "projects" / "shop"
    folder.mkdir(parents=True)
    (folder / "mine.py").write_text("mine = 1\n")
    assert new(root, "shop") == 1
    assert capsys.readouterr().err == "new project: projects/shop exists already; nothing was written\n"
    assert files_below(folder) == {"mine.py"}


def test_a_root_that_cannot_be_written_is_one_line(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "projects").write_text("a file where the folder should be")
    assert new(root, "shop") == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("new project: ")


@pytest.mark.parametrize(
    ("name", "expected"), [("shop", "Shop"), ("web_shop", "WebShop"), ("webShop", "WebShop"), ("a__b_", "AB")]
)
def test_class_names(name: str, expected: str) -> None:
    assert class_name(name) == expected
