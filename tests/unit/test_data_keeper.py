"""The keeper ends its process when nobody needs it, restarts it when it is killed, and gives its status back."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from core.data import keeper
from tests.mongo import wait_until

# `preexec_fn` in a process with threads: fine for the keeper, which has one.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def user(tmp_path: Path) -> Iterator[IO[str]]:
    """A file that one user has locked; closing it lets go."""
    with (tmp_path / "users").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield file


def keep(user: IO[str], script: str, folder: Path) -> int:
    return keeper.keep(user.name, [sys.executable, "-c", script, str(folder)])


def test_the_status_of_the_process_comes_back(user: IO[str], tmp_path: Path) -> None:
    assert keep(user, "raise SystemExit(14)", tmp_path) == 14


def test_the_process_ends_with_its_last_user(user: IO[str], tmp_path: Path) -> None:
    with Path(user.name).open() as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        user.close()
        threading.Timer(0.05, other.close).start()
        assert keep(user, "import time; time.sleep(600)", tmp_path) == -signal.SIGTERM


def test_a_process_that_will_not_stop_is_killed(user: IO[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "STOP_WAIT_S", 0.1)
    script = "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open(f'{sys.argv[1]}/deaf', 'w'); time.sleep(600)"

    def leave() -> None:
        wait_until((tmp_path / "deaf").exists)
        user.close()

    threading.Thread(target=leave).start()
    assert keep(user, script, tmp_path) == -signal.SIGKILL


def test_a_killed_process_is_started_again(user: IO[str], tmp_path: Path) -> None:
    script = "import os, sys, time; open(f'{sys.argv[1]}/{os.getpid()}.pid', 'w'); time.sleep(600)"

    def kill_the_first() -> None:
        wait_until(lambda: list(tmp_path.glob("*.pid")))
        (first,) = tmp_path.glob("*.pid")
        os.kill(int(first.stem), signal.SIGKILL)
        wait_until(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
        user.close()

    threading.Thread(target=kill_the_first).start()
    assert keep(user, script, tmp_path) == -signal.SIGTERM
