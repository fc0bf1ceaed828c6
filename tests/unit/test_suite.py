"""The runner adds up pytest's summary lines and takes nothing else for one."""

from __future__ import annotations

import shutil
from collections import Counter

import pytest

from tests import suite


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ("===== 3 passed in 0.12s =====\n", {"passed": 3}),
        ("= 1 failed, 20 passed, 2 skipped, 3 warnings, 1 error in 75.10s (0:01:15) =", None),
        ("===== FAILURES =====", {}),
        ("3 passed in 0.12s", {}),
        ("===== no tests ran in 0.01s =====", {}),
    ],
)
def test_summary_lines(line: str, counts: dict[str, int] | None) -> None:
    every = {"failed": 1, "passed": 20, "skipped": 2, "warning": 3, "error": 1}
    assert suite.parse_summary(line) == Counter(every if counts is None else counts)


def test_the_total_reads_like_pytest(capsys) -> None:
    suite.print_summary(Counter(passed=3, failed=1, error=2), 61.5)
    printed = capsys.readouterr().out
    assert " 1 failed, 3 passed, 2 errors in 61.50s " in printed
    assert suite.parse_summary(printed) == Counter(failed=1, passed=3, error=2)


def test_every_folder_with_tests_is_run() -> None:
    suite.check_folders()


def test_an_unknown_folder_is_refused(tmp_path, monkeypatch) -> None:
    (tmp_path / "tests" / "novel").mkdir(parents=True)
    (tmp_path / "tests" / "novel" / "test_a.py").touch()
    shutil.copy(suite.ROOT / "pyproject.toml", tmp_path)
    monkeypatch.setattr(suite, "ROOT", tmp_path)
    with pytest.raises(SystemExit, match="tests/novel"):
        suite.check_folders()
