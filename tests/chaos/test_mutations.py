"""The bar itself: each fault that was planted on purpose into a copy of the tree is found by the test that is there for it.

The table stands in `tests/planted.py`; that it follows the source is checked by `tests/unit/test_planted.py`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.planted import MUTATIONS, Mutation
from tests.tools import child_environment
from tests.tree import ROOT, tracked_files


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the tree in which every test of the table passes: without that, a failure would prove nothing."""
    root = tmp_path_factory.mktemp("tree")
    for path in tracked_files():
        target = root / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    tests = dict.fromkeys(mutation.test for mutation in MUTATIONS.values())
    for _ in range(3):  # a busy machine may fail one of them
        done = run_tests(root, *tests)
        if done.returncode == 0:
            break
    assert done.returncode == 0, done.stdout[-3000:]
    yield root
    shutil.rmtree(root)


def run_tests(root: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    """pytest on some tests of a tree."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    environment = child_environment(PYTHONDONTWRITEBYTECODE="1")
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS)
def test_a_planted_fault_is_found(mutation: Mutation, copy: Path) -> None:
    path = copy / mutation.file
    text = path.read_text()
    path.write_text(text.replace(mutation.old, mutation.new))
    try:
        done = run_tests(copy, mutation.test)
    finally:
        path.write_text(text)
    # 1: tests failed. Anything else means that they could not run.
    assert done.returncode == 1, done.stdout[-3000:] + done.stderr[-1000:]
    assert "error during collection" not in done.stdout
