"""What tests need from the machine: programs that no wheel brings, and full speed, also where lines are counted.

In: the name of a program. Out: its path, or a skip with its reason. `make test` goes on without the program;
`.ci/run` installs all of them and sets `CATENA_REQUIRE_ALL=1`, which turns the skip into a failure.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import coverage
import pytest

# Program → (other names it goes by, the Debian package that brings it).
PROGRAMS = {
    "chromium": (("chromium-browser", "google-chrome"), "chromium"),
    "memcached": ((), "memcached"),
    "wrk": ((), "wrk"),
    "faketime": ((), "faketime"),
}


def require_tool(name: str) -> str:
    """The path of a program; without it the test is skipped, or fails under `CATENA_REQUIRE_ALL=1`.

    Args:
        name: a key of `PROGRAMS`, or any other program's file name.
    """
    aliases, package = PROGRAMS.get(name, ((), name))
    for candidate in (name, *aliases):
        path = shutil.which(candidate)
        if path:
            return path
    reason = f"needs {name} (Debian package {package}), which is not installed"
    if os.environ.get("CATENA_REQUIRE_ALL") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def child_environment(**variables: str) -> dict[str, str]:
    """The environment for a child process that is measured or has no lines of `core` to count: without coverage."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_PROCESS")}
    return inherited | variables


@pytest.fixture
def uncounted() -> Iterator[None]:
    """Stops counting lines during a test of thousands of examples, which takes half the time then.

    What it runs is counted in the tests beside it.
    """
    counting = coverage.Coverage.current()
    if counting is not None:
        counting.stop()
    yield
    if counting is not None:
        counting.start()
