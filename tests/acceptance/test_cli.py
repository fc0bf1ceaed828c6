"""The command line in process: every command, and what it says when something is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import orjson
import pytest
from pymongo import MongoClient

import core
from core.cli import main, split_arguments
from core.commands.state import State
from core.data.cache import RecordCache
from core.data.databases import Databases
from core.http.upstream import Upstreams
from core.log import get_logger
from core.serve.create import HOME

ROOT = Path(__file__).parent / "root"


@pytest.fixture(autouse=True)
def in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CATENA_MONGO_URL", raising=False)
    monkeypatch.setenv("CATENA_LOCAL_URL", "memory")


def run(*arguments: str) -> int:
    return main(["test", "--root", str(ROOT), *arguments])


ARGUMENTS = [
    ([], ("local", HOME, ["serve"])),
    (["test"], ("test", HOME, ["serve"])),
    (["check"], ("local", HOME, ["check"])),
    (["test", "routes", "--json"], ("test", HOME, ["routes", "--json"])),
    (["test", "--port", "1"], ("test", HOME, ["serve", "--port", "1"])),
    (["--help"], ("local", HOME, ["--help"])),
    (["test", "--root", str(ROOT), "check"], ("test", ROOT, ["check"])),
    (["test", "check", f"--root={ROOT}"], ("test", ROOT, ["check"])),
]


@pytest.mark.parametrize(("given", "expected"), ARGUMENTS, ids=[" ".join(given) or "none" for given, _ in ARGUMENTS])
def test_mode_and_command_have_defaults(given: list[str], expected: tuple[str, Path, list[str]]) -> None:
    assert split_arguments(given) == expected


def test_check_prints_settings_with_their_origins(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check") == 0
    out = capsys.readouterr().out
    assert "no problems" in out
    lines = [line.split() for line in out.splitlines()]
    assert ["docs.title", "Kitchen", "config/test.py"] in lines
    assert ["projects.kitchen-config.motto", "enjoy", "config/test.py"] in lines
    assert ["projects.kitchen-config.till_token", "***", "default"] in lines


def test_routes_are_printed_as_text_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("routes") == 0
    assert "kitchen-steps@1.0.slow-thread" in capsys.readouterr().out
    assert run("routes", "--json") == 0
    rows = orjson.loads(capsys.readouterr().out)
    row = next(row for row in rows if row["id"] == "order")
    assert (row["method"], row["url"], row["parameters"]) == ("PUT", "/kitchen/dish", {"body": ["name", "size"]})
    assert row["source"].startswith("projects/kitchen/routes/kitchen.py:")


def test_explain_shows_what_a_request_runs_through(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("routes", "--explain", "GET /kitchen/limited") == 0
    out = capsys.readouterr().out
    assert "check query: count" in out
    assert "1. kitchen-steps@1.0.limited" in out
    assert "value = await step1(ctx, query=v0, options=options1)" in out


@pytest.mark.parametrize("wanted", ["GET /demo/v1/todo/:id", "get /demo/v1/todo/7/", "GET /Demo/V1/todo/a.b"])
def test_explain_takes_a_url_as_it_is_called(wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", "routes", "--explain", wanted]) == 0
    found = [line.partition("  (")[0] for line in capsys.readouterr().out.splitlines() if line.startswith("GET ")]
    assert found == ["GET /demo/v1/todo/:id"]


def test_openapi_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("openapi") == 0
    document = orjson.loads(capsys.readouterr().out)
    assert (document["openapi"][:3], document["info"]["title"]) == ("3.1", "Kitchen")


def test_jobs_are_listed_and_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("cron", "list") == 0
    assert "kitchen-count  every 60 s (UTC)" in capsys.readouterr().out
    assert run("cron", "run", "kitchen-count") == 0
    assert capsys.readouterr().out == "kitchen-count: done\n"
    assert run("cron", "run", "kitchen-fail") == 1


def test_jobs_are_suspended_by_name_or_all_of_them(
    mongo_url: str, database_name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CATENA_LOCAL_URL", "")
    monkeypatch.setenv("CATENA_MONGO_URL", mongo_url.replace("/?", f"/{database_name}?"))
    with MongoClient[Any](mongo_url) as client:
        jobs = client[database_name]["cronJobs"]
        jobs.insert_many([{"_id": "kitchen-count", "config": {}}, {"_id": "kitchen-old", "config": {}}])
        assert run("cron", "suspend") == 0
        assert jobs.count_documents({"config.isSuspended": True}) == 2
        assert run("cron", "resume", "kitchen-count") == 0
        assert [job["_id"] for job in jobs.find({"config.isSuspended": True})] == ["kitchen-old"]
    assert run("cron", "stop") == 1
    assert "Missing argument" in capsys.readouterr().err


def test_project_commands_have_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("menu", "add", "--name", "soup", "--large") == 0
    assert capsys.readouterr().out == "added soup (large)\n"


@pytest.mark.parametrize(
    "arguments", [["cron", "run", "kitchen-count"], ["menu", "add", "--name", "soup"]], ids=" ".join
)
def test_what_a_command_prints_is_not_mixed_with_events(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opening = Databases.open

    async def open_and_tell(databases: Databases) -> None:
        get_logger("kitchen").warning("told")
        await opening(databases)

    monkeypatch.setattr(Databases, "open", open_and_tell)
    assert run(*arguments) == 0
    out, err = capsys.readouterr()
    assert ("told" in out, "[kitchen]: told" in err, len(out.splitlines())) == (False, True, 1)


def test_help_lists_project_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    assert "menu" in capsys.readouterr().out


def test_indexes_are_made(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("indexes") == 0
    assert "kitchen-dish: created name" in capsys.readouterr().out


async def test_a_command_closes_what_it_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    def note(kind: type) -> None:
        async def close(self: object) -> None:
            closed.append(kind.__name__)

        monkeypatch.setattr(kind, "close", close)

    for kind in (Databases, RecordCache, Upstreams):
        note(kind)
    async with State("test", ROOT).application():
        assert closed == []
    assert sorted(closed) == ["Databases", "RecordCache", "Upstreams"]


def test_whoever_reads_no_more_of_the_output_gets_no_traceback() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "server.py", "test", "routes", "--json", "--root", str(ROOT)]
    done = subprocess.run(command, cwd=HOME, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


MISTAKES = [
    (["tset"], "mode: there is no config/tset.py"),
    (["test", "chekc"], "No such command 'chekc'"),
    (["test", "--root", "/nowhere", "check"], "--root: '/nowhere' is no folder"),
    (["test", "routes", "--explain", "GET /x"], "--explain: there is no route 'GET /x'"),
    (["test", "routes", "--explain", "get /kitchen/limitd"], "did you mean 'GET /kitchen/limited'"),
    (["test", "cron", "run", "nope"], "cron run: there is no job 'nope'"),
    (["test", "cron", "suspend", "kitchen-count"], "no server has started with job 'kitchen-count' on this"),
    (["test", "menu", "add"], "Missing option '--name'"),
    (["test", "serve", "--reload"], "--reload: is for mode local, not test"),
    (["test", "serve", "--port", "99999"], "Invalid value for '--port'"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=[" ".join(words) for words, _ in MISTAKES])
def test_a_mistake_is_one_clear_line_and_exit_code_1(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments if "--root" in arguments else [arguments[0], "--root", str(ROOT), *arguments[1:]]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_every_problem_of_a_project_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "test.py").write_text((ROOT / "config" / "test.py").read_text().replace("kitchen", "x"))
    folder = tmp_path / "projects" / "broken" / "routes"
    folder.mkdir(parents=True)
    (folder / "a.py").write_text("from core import Nothing\n")
    assert main(["test", "--root", str(tmp_path), "check"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert any(line.startswith("projects/broken/routes/a.py:1: ") for line in lines)


def test_no_package_of_core_takes_the_place_of_a_public_name() -> None:

    modules = [name for name in core.__all__ if isinstance(getattr(core, name), types.ModuleType)]
    assert modules == []
