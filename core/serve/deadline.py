"""The deadlines of the requests under way: who runs over is cancelled and answered 503.

In: a `Context` when its chain starts. Out: `ctx.expired` and a cancellation at the deadline. One timer looks
at all requests ten times a second, which costs a request less than a timer of its own.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from core.data.deadline import set_deadline
from core.serve.context import Context

#: what cleans up or answers after the deadline is cancelled, too, once it takes this long
_GRACE_S: Final = 1.0


class Deadlines:
    """Requests under way in one worker."""

    def __init__(self) -> None:
        self._running: dict[Context, tuple[float, asyncio.Task[object] | None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def __len__(self) -> int:
        return len(self._running)

    def count_waiting(self) -> int:
        """How many of them wait for the body that their client sends."""
        unread = (ctx.request.index for ctx in self._running if not ctx.request.complete)
        return sum(b"content-length" in headers or b"transfer-encoding" in headers for headers in unread)

    def find_route(self, task: object) -> str:
        """What a task works on, `METHOD url`."""
        return next((ctx.route.label for ctx, (_, of) in list(self._running.items()) if of is task), "something else")

    def enter(self, ctx: Context) -> None:
        """Start the time of a request; database calls see what is left of it."""
        at = ctx.request.started_s + ctx.route.timeout_s
        set_deadline(at, ctx.request.until_gone, ctx.request)
        self._running[ctx] = (at, asyncio.current_task(self._loop))  # which would look for the loop by itself
        if self._timer is None:
            self._tick()

    def leave(self, ctx: Context) -> None:
        """The request has its answer."""
        del self._running[ctx]

    def _tick(self) -> None:
        now = time.monotonic()
        for ctx, (at, task) in self._running.items():
            if now >= at and task is not None:
                ctx.expired = True
                task.cancel()
                self._running[ctx] = now + _GRACE_S, task
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(0.1, self._tick) if self._running else None
