"""What an author sees in an editor: a correct project is clean in strict mode, and every marked mistake is found."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tools import child_environment

ROOT = Path(__file__).resolve().parents[2]
CORRECT = sorted((ROOT / "tests" / "typing" / "shop").glob("*.py"))
WRONG = sorted((ROOT / "tests" / "typing_errors").glob("*.py"))
MARK = re.compile(r"# error$", re.MULTILINE)
Places = set[tuple[str, int]]


def marked_lines() -> Places:
    return {
        (path.name, number)
        for path in WRONG
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if MARK.search(line)
    }


def run(*arguments: str) -> str:
    command = [sys.executable, "-m", *arguments, *map(str, [*CORRECT, *WRONG])]
    done = subprocess.run(command, cwd=ROOT, env=child_environment(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def find_mypy_errors() -> Places:
    found = re.findall(r"^(.+?):(\d+): error: ", run("mypy", "--strict"), re.MULTILINE)
    return {(Path(name).name if "typing_errors" in name else name, int(line)) for name, line in found}


def find_pyright_errors() -> Places:
    report = json.loads(run("basedpyright", "--outputjson"))
    return {
        (
            Path(item["file"]).name if "typing_errors" in item["file"] else item["file"],
            item["range"]["start"]["line"] + 1,
        )
        for item in report["generalDiagnostics"]
        if item["severity"] == "error"
    }


@pytest.mark.parametrize("find", [find_mypy_errors, find_pyright_errors], ids=["mypy", "pyright"])
def test_strict_checkers_report_the_marked_lines_and_nothing_else(find: Callable[[], Places]) -> None:
    assert find() == marked_lines()


def test_there_is_something_to_find() -> None:
    assert len(CORRECT) >= 6
    assert len(marked_lines()) >= 15
