"""Work that goes on after the answer: `ctx.later(...)`.

In: a coroutine with a name and a time limit. Out: nothing; errors are logged with the request id. Bounded,
tracked, and finished (or cancelled) before the server stops.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Coroutine
from typing import Any, Final

from core.errors import Unavailable

MAX_PENDING: Final = 1_000
_log = logging.getLogger("catena.later")


class Background:
    """The tasks of one worker that no request waits for."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any], *, name: str, timeout_s: float = 30, request_id: str = "") -> None:
        """Run a coroutine on its own; it inherits neither the deadline nor the transaction of the caller.

        Raises:
            Unavailable: too many are pending.
        """
        if len(self._tasks) >= MAX_PENDING:
            work.close()
            raise Unavailable
        loop, extra = asyncio.get_running_loop(), {"action": "later.failed", "request_id": request_id}

        def expire() -> None:
            _log.error("later '%s' ran over its %g s and is cancelled", name, timeout_s, extra=extra)
            task.cancel()

        def end(task: asyncio.Task[Any]) -> None:
            timer.cancel()
            self._tasks.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                _log.error("later '%s' failed: %r", name, error, exc_info=error, extra=extra)

        task, timer = loop.create_task(work, context=contextvars.Context()), loop.call_later(timeout_s, expire)
        self._tasks.add(task)
        task.add_done_callback(end)

    async def drain(self, timeout_s: float) -> None:
        """Wait for what is pending, then cancel the rest."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
