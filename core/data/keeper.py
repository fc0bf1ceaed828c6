"""Runs a mongod for as long as somebody needs it; a script that `embedded.py` starts.

In: a file on which every user of the mongod holds a shared lock, and the command line of the mongod. Out: its
exit status. The system drops the lock of a user however that ends (`kill -9` included), and when nobody holds
one any more mongod is asked to stop. On Linux it also dies when this keeper is killed.
"""

from __future__ import annotations

import ctypes
import fcntl
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

POLL_S = 0.1
STOP_WAIT_S = 12.0
_PR_SET_PDEATHSIG = 1


def keep(users: str, command: Sequence[str]) -> int:
    """Run the command while `users` is locked, again when it was killed; returns its exit status."""
    with Path(users).open() as file:
        while True:
            # `preexec_fn` is safe here: one thread. Descriptors (the lock of the data folder) pass on to mongod.
            mongod = subprocess.Popen(command, close_fds=False, preexec_fn=_die_with_parent)  # noqa: PLW1509, S603
            while mongod.poll() is None:
                if try_lock(file.fileno()):
                    return _stop(mongod)
                time.sleep(POLL_S)
            if mongod.returncode != -signal.SIGKILL:
                return mongod.returncode


def try_lock(file: int) -> bool:
    """Whether the file could be locked for oneself alone, without waiting."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _stop(mongod: subprocess.Popen[bytes]) -> int:
    mongod.terminate()
    try:
        return mongod.wait(STOP_WAIT_S)
    except subprocess.TimeoutExpired:
        mongod.kill()
        return mongod.wait()


if __name__ == "__main__":
    sys.exit(abs(keep(sys.argv[1], sys.argv[2:])))
