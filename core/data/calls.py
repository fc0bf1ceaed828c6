"""Driver calls that survive their callers.

In: a coroutine of the driver. Out: its result, or a `StoreError`. Each call runs in a task of its own, and
the caller only waits for it: cancelling a task inside the driver would cost its connection (500 cancelled
requests once made 498 new connections), and a write whose client hung up must still finish.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any, Final, TypeVar

from core.data.deadline import remaining_s
from core.data.errors import DRIVER_ERRORS, to_store_error
from core.errors import NotConnected

T = TypeVar("T")
_REPLY_S: Final = 0.05  # the server stops this long before the deadline, so that its answer still arrives
_GRACE_S: Final = 0.5  # the server's own limit speaks first


class Calls:
    """The calls under way on one database.

    Args:
        name: of the database, for errors.
        limit_s: upper bound of one operation.
    """

    def __init__(self, name: str, limit_s: float) -> None:
        self.name = name
        self._limit_s = limit_s
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def max_time_ms(self) -> int:
        """How long the server may work on an operation that starts now.

        Raises:
            NotConnected: no time is left.
        """
        rest = remaining_s() - _REPLY_S
        if rest <= 0:
            raise NotConnected(self.name) from TimeoutError("the deadline has passed")
        return max(1, int(min(self._limit_s, rest) * 1000))

    async def run(self, call: Coroutine[Any, Any, T], *, wait_s: float | None = None) -> T:
        """Run a driver call to its end, and wait for it as long as there is time.

        Args:
            call: not started yet.
            wait_s: how long to wait instead of the limit of an operation.

        Raises:
            NotConnected: the time was up (the outcome is unknown), or the database is out of reach.
            StoreError: the database or the driver refused.
        """
        loop = asyncio.get_running_loop()
        task = loop.create_task(call)
        self._tasks.add(task)
        waiter: asyncio.Future[None] = loop.create_future()
        task.add_done_callback(partial(self._finish, waiter))
        limit_s = self._limit_s + _GRACE_S if wait_s is None else wait_s
        timer = loop.call_later(max(0.0, min(limit_s, remaining_s())), _expire, waiter)
        try:
            await waiter
            return task.result()
        except TimeoutError as error:
            raise NotConnected(self.name) from error
        except DRIVER_ERRORS as error:
            raise to_store_error(error, self.name) from error
        finally:
            timer.cancel()

    async def drain(self, timeout_s: float) -> None:
        """Wait for everything under way; what is left after the time is cancelled."""
        if not self._tasks:
            return
        _, left = await asyncio.wait(self._tasks, timeout=timeout_s)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=1)

    def _finish(self, waiter: asyncio.Future[None], task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not waiter.done():
            waiter.set_result(None)
        elif not task.cancelled():
            task.exception()  # nobody waits any more: mark it as seen


def _expire(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError("the time for this operation is up"))
