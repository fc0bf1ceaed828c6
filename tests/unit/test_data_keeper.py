"""The keeper ends its process when the pipe of the owner ends, and gives the status back otherwise."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator

import pytest

from core.data import keeper

# `preexec_fn` in a process with threads: fine for the keeper, which has one.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe whose write end stands for the owner; the test closes it."""
    read, write = os.pipe()
    yield read, write
    os.close(read)


def test_the_status_of_the_process_comes_back(pipe: tuple[int, int]) -> None:
    assert keeper.keep([sys.executable, "-c", "raise SystemExit(14)"], pipe[0]) == 14
    os.close(pipe[1])


def test_the_process_ends_with_its_owner(pipe: tuple[int, int]) -> None:
    threading.Timer(0.05, os.close, [pipe[1]]).start()
    assert keeper.keep([sys.executable, "-c", "import time; time.sleep(600)"], pipe[0]) < 0


def test_a_process_that_will_not_stop_is_killed(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "STOP_WAIT_S", 0.1)
    script = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    threading.Timer(0.5, os.close, [pipe[1]]).start()
    assert keeper.keep([sys.executable, "-c", script], pipe[0]) == -9
