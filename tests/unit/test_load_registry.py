"""Look-ups by identity and version, and what is said when there is nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.declare.controller import Controller
from core.errors import BadDeclaration, ImportFailed, UnresolvedReference
from core.load.loader import Loaded
from core.load.problems import Problems, collect, did_you_mean, format_problem, suggest
from core.load.registry import Registry
from core.source import Source

HERE = Path(__file__).parent


def fill(*declared: Controller) -> tuple[Registry, list[str]]:
    registry, problems = Registry(HERE), Problems()
    for controller in declared:
        problems.attempt(registry.add, "controller", controller)
    return registry, [problem.message for problem in problems]


def test_versions_live_side_by_side() -> None:
    one, two = Controller("demo-a"), Controller("demo-a", version="2.0")
    registry, problems = fill(one, two)
    assert problems == []
    assert registry.get("controller", "demo-a") is one
    assert registry.get("controller", "demo-a", "2.0") is two
    assert registry.all("controller") == (one, two)
    assert registry.all("lib") == ()


def test_a_duplicate_names_the_first_place() -> None:
    first = Controller("demo-a")
    _, problems = fill(first, Controller("demo-a"))
    assert problems == [f"controller 'demo-a@1.0' is declared at test_load_registry.py:{first.source.line}, too"]


@pytest.mark.parametrize(
    ("controller", "expected"),
    [
        (Controller(""), "the identity of a controller must be a text that is not empty, not ''"),
        (Controller(5), "the identity of a controller must be a text that is not empty, not 5"),  # type: ignore[arg-type]
        (Controller("a", version=1.0), "the version of a controller must be a text that is not empty, not 1.0"),  # type: ignore[arg-type]
    ],
)
def test_identity_and_version_are_texts(controller: Controller, expected: str) -> None:
    assert fill(controller)[1] == [expected]


UNKNOWN = [
    ("demo-todo", "1.0", "unknown controller 'demo-todo'", "did you mean 'demo-todos'"),
    ("Demo-Todos", "1.0", "unknown controller 'Demo-Todos'", "did you mean 'demo-todos'"),
    ("nothing", "1.0", "unknown controller 'nothing'", ""),
    ("demo-todos", "3.0", "controller 'demo-todos' has no version 3.0", "known are 1.0, 2.0"),
    ("demo-one", "2.0", "controller 'demo-one' has no version 2.0", "known are 1.0"),
    ("demo-off", "1.0", "controller 'demo-off@1.0' is disabled", ""),
]


@pytest.mark.parametrize(
    ("identity", "version", "message", "hint"), UNKNOWN, ids=[f"{row[0]}@{row[1]}" for row in UNKNOWN]
)
def test_an_unknown_name_is_an_error_with_a_hint(identity: str, version: str, message: str, hint: str) -> None:
    registry, _ = fill(
        Controller("demo-todos"),
        Controller("demo-todos", version="2.0"),
        Controller("demo-one"),
        Controller("demo-off", disabled=True),
    )
    with pytest.raises(UnresolvedReference) as caught:
        registry.get("controller", identity, version)
    assert (caught.value.message, caught.value.hint) == (message, hint)
    assert caught.value.source.file == __file__


def test_nothing_is_added_after_freezing() -> None:
    registry, _ = fill()
    registry.freeze()
    with pytest.raises(RuntimeError, match="frozen"):
        registry.add("controller", Controller("demo-a"))


def test_what_a_failed_file_mentions_is_lost() -> None:
    loaded = Loaded(HERE, Registry(), lost=["x = Controller('demo-a')\ny = Controller(\"demo-b\")\n"])
    assert [loaded.is_lost(name) for name in ("demo-a", "demo-b", "demo", "x")] == [True, True, False, False]


def test_suggestions_are_close_or_nothing() -> None:
    assert did_you_mean("lst", ["list", "get"]) == "did you mean 'list'"
    assert did_you_mean("list", ["list"]) == did_you_mean("x", ["list"]) == ""
    assert suggest("lst", ["list"], none="nothing") == "did you mean 'list'"
    assert suggest("x", ["b", "a"], none="nothing") == "known are 'a', 'b'"
    assert suggest("x", [], none="nothing") == "nothing"


def test_problems_are_sorted_and_counted_once() -> None:
    problems = Problems()
    for line, message in ((2, "b"), (1, "z"), (1, "a"), (1, "z")):
        problems.add(BadDeclaration(Source("/x/f.py", line), message))
    assert [problem.message for problem in problems] == ["a", "z", "b"]
    assert len(problems) == 3
    assert problems.knows(Source("/x/f.py", 2)) and not problems.knows(Source("/x/f.py", 3))
    problems.add(BadDeclaration(Source("/x/f.py", 9), ""))
    assert len(problems) == 3


def test_collecting_catches_load_errors_alone_and_in_groups() -> None:
    problems = Problems()
    bad = [BadDeclaration(Source("f", line), "x") for line in (1, 2, 3)]

    def fail(*errors: Exception) -> None:
        raise errors[0] if len(errors) == 1 else ExceptionGroup("g", list(errors))

    assert problems.attempt(lambda: 5) == 5
    assert problems.attempt(lambda: fail(bad[0])) is None
    assert problems.attempt(fail, ExceptionGroup("inner", [bad[1]]), bad[2]) is None
    assert len(problems) == 3
    with pytest.raises(ExceptionGroup) as caught:
        problems.attempt(fail, bad[0], ValueError("y"))
    assert isinstance(caught.value.exceptions[0], ValueError)
    with pytest.raises(ValueError, match="z"):
        problems.attempt(fail, ValueError("z"))


def test_parts_are_made_or_everything_wrong_is_raised() -> None:
    def make(part: int) -> int:
        if part > 1:
            raise BadDeclaration(Source("f", part), "x")
        return part + 1

    assert collect(make, [0, 1]) == [1, 2]
    with pytest.raises(ExceptionGroup) as caught:
        collect(make, [1, 2, 3])
    assert len(caught.value.exceptions) == 2


def test_a_problem_is_printed_relative_to_the_root() -> None:
    problem = ImportFailed(Source("/app/projects/x.py", 3), "it fails", "try this")
    assert format_problem(problem, Path("/app")) == "projects/x.py:3: it fails (try this)"
    assert format_problem(problem, Path("/other")) == "/app/projects/x.py:3: it fails (try this)"
    assert format_problem(BadDeclaration(Source("/app/x.py", 1), "m"), Path("/app")) == "x.py:1: m"
    assert format_problem(ValueError("plain"), Path("/app")) == "plain"
