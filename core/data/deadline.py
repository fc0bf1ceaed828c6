"""How much time the work at hand has left, and for whom it is done: for everything that waits on somebody else.

In: a moment of `time.monotonic()`, set once per request or job. Out: seconds left, read by every database call,
by outgoing calls and the cache. Tasks started on the way inherit it.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from contextvars import ContextVar, Token
from typing import Protocol

from core.errors import CatenaError

#: returns when nobody waits for the work any more
Leaving = Callable[[], Awaitable[object]]


class Traced(Protocol):
    """What the work is done for, as others are told."""

    def trace_headers(self) -> dict[str, str]:
        """Headers by which a call that follows from it can be told to belong to it."""


#: what a call of an upstream runs inside of, by its name and the method; gives headers to send with it
Trace = Callable[[str, str], AbstractContextManager[Mapping[str, str]]]
_Until = tuple[float | None, Leaving | None, Traced | None]
_until: ContextVar[_Until] = ContextVar("catena_until", default=(None, None, None))
#: restores what `set_deadline` replaced, given its token
reset_deadline = _until.reset


class Disconnected(CatenaError):
    """The client left: nobody is there to answer, and nothing is logged."""


def set_deadline(
    at_monotonic: float | None, leaving: Leaving | None = None, traced: Traced | None = None
) -> Token[_Until]:
    """Say until when (on `time.monotonic()`) the current context may work, `None` for no limit, and for whom."""
    return _until.set((at_monotonic, leaving, traced))


def trace_headers() -> Mapping[str, str]:
    """Headers for calls that are made for the current request; none where there is no request."""
    traced = _until.get()[2]
    return {} if traced is None else traced.trace_headers()


def remaining_s() -> float:
    """Seconds left, negative once the deadline has passed; infinite without one."""
    at = _until.get()[0]
    return math.inf if at is None else at - time.monotonic()


def leaving() -> Leaving | None:
    """What to wait for to learn that the client has left; `None` where nobody can say."""
    return _until.get()[1]


@asynccontextmanager
async def while_awaited(leaving: Leaving | None) -> AsyncIterator[None]:
    """A block that is cancelled when `leaving` returns: nobody waits for what it does any more.

    Raises:
        Disconnected: instead of the cancellation.
    """
    task = asyncio.current_task()
    if leaving is None or task is None:
        yield
        return

    def leave(watcher: asyncio.Future[object]) -> None:
        if inside and not watcher.cancelled():
            task.cancel()

    inside, watcher = True, asyncio.ensure_future(leaving())
    watcher.add_done_callback(leave)
    try:
        yield
    except asyncio.CancelledError:
        if watcher.done() and task.uncancel() == 0:
            raise Disconnected from None
        raise
    finally:
        inside = False
        watcher.cancel()
