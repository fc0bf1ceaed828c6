"""Runs a mongod for exactly as long as its owner lives; a script that `embedded.py` starts.

In: the command line of a mongod; standard input is a pipe that the owner holds open and never writes to.
Out: the exit status of mongod. The pipe ends when the owner ends, however it ends (`kill -9` included), and
then mongod is asked to stop. On Linux mongod also dies when this keeper is killed. A process between the two
is needed because a parent-death signal follows the *thread* that forked, and the owner may be any thread.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence

STOP_WAIT_S = 12.0
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> Callable[[], None] | None:
    """What the child runs between fork and exec so that it cannot outlive this process; `None` off Linux."""
    if sys.platform != "linux":
        return None
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def arm() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the keeper died before the signal was armed
            os._exit(1)

    return arm


def keep(command: Sequence[str], owner: int = 0) -> int:
    """Run the command until it ends or its owner does; returns its exit status.

    Args:
        command: of mongod.
        owner: the pipe that the owner holds open; standard input.
    """
    # Safe here: one thread only, and descriptors (the lock of the data folder) pass on to mongod.
    mongod = subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.DEVNULL,
        close_fds=False,
        preexec_fn=die_with_parent(),  # noqa: PLW1509
    )

    def follow_owner() -> None:
        os.read(owner, 1)  # comes back at the end of the pipe only; a buffered read would break the exit below
        mongod.terminate()
        try:
            mongod.wait(STOP_WAIT_S)
        except subprocess.TimeoutExpired:
            mongod.kill()

    threading.Thread(target=follow_owner, daemon=True).start()
    return mongod.wait()


if __name__ == "__main__":
    sys.exit(abs(keep(sys.argv[1:])))
