"""How much time the work at hand has left, and for whom it is done: for everything that waits on somebody else.

In: a moment of `time.monotonic()`, set once per request or job. Out: seconds left, read by every database call,
by outgoing calls and the cache. Tasks started on the way inherit it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar, Token

#: returns when nobody waits for the work any more
Leaving = Callable[[], Awaitable[object]]
_Until = tuple[float | None, Leaving | None]

_until: ContextVar[_Until] = ContextVar("catena_until", default=(None, None))
#: restores what `set_deadline` replaced, given its token
reset_deadline = _until.reset


def set_deadline(at_monotonic: float | None, leaving: Leaving | None = None) -> Token[_Until]:
    """Say until when (on `time.monotonic()`) the current context may work, `None` for no limit, and for whom."""
    return _until.set((at_monotonic, leaving))


def remaining_s() -> float:
    """Seconds left, negative once the deadline has passed; infinite without one."""
    at = _until.get()[0]
    return math.inf if at is None else at - time.monotonic()


def leaving() -> Leaving | None:
    """What to wait for to learn that the client has left; `None` where nobody can say."""
    return _until.get()[1]
