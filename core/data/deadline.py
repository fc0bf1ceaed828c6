"""How much time the work at hand has left, for everything that waits on somebody else.

In: a moment of `time.monotonic()`, set once per request or job. Out: seconds left, read by every database
call (and by outgoing calls and the cache). Tasks started on the way inherit it.
"""

from __future__ import annotations

import math
import time
from contextvars import ContextVar, Token

_deadline_at: ContextVar[float | None] = ContextVar("catena_deadline_at", default=None)
#: restores what `set_deadline` replaced, given its token
reset_deadline = _deadline_at.reset


def set_deadline(at_monotonic: float | None) -> Token[float | None]:
    """Say until when (on `time.monotonic()`) the current context may work; `None` for no limit."""
    return _deadline_at.set(at_monotonic)


def remaining_s() -> float:
    """Seconds left, negative once the deadline has passed; infinite without one."""
    at = _deadline_at.get()
    return math.inf if at is None else at - time.monotonic()
