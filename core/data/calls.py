"""Driver calls that survive their callers.

In: a coroutine of the driver. Out: its result, or a `StoreError`. Each call runs in a task of its own, and
the caller only waits for it: cancelling a task inside the driver would cost its connection (500 cancelled
requests once made 498 new connections), and a write whose client hung up must still finish.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from time import monotonic
from typing import Any, Final, TypeVar

from core.data.deadline import remaining_s
from core.data.errors import DRIVER_ERRORS, to_store_error
from core.errors import NotConnected

T = TypeVar("T")
_REPLY_S: Final = 0.05  # the server stops this long before the deadline, so that its answer still arrives
_GRACE_S: Final = 0.5  # the server's own limit speaks first
_TICK_S: Final = 0.05  # one timer for all calls costs each less than one of its own


class Calls:
    """The calls under way on one database; each may take `limit_s`."""

    def __init__(self, name: str, limit_s: float) -> None:
        self.name = name
        self._limit_s = limit_s
        self._under_way: dict[asyncio.Task[Any], tuple[asyncio.Future[None], float]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._under_way)

    def max_time_ms(self) -> int:
        """How long the server may work on an operation that starts now; `NotConnected` when no time is left."""
        rest = remaining_s() - _REPLY_S
        if rest <= 0:
            raise NotConnected(self.name) from TimeoutError("the deadline has passed")
        return max(1, int(min(self._limit_s, rest) * 1000))

    async def run(self, call: Coroutine[Any, Any, T], *, limit_s: float | None = None) -> T:
        """Run a driver call to its end, and wait for it as long as there is time (`limit_s` instead of the usual).

        Raises:
            NotConnected: the time was up (the outcome is unknown), or the database is out of reach.
            StoreError: the database or the driver refused.
        """
        loop = asyncio.get_running_loop()
        task, waiter = loop.create_task(call), loop.create_future()
        until = monotonic() + min(self._limit_s + _GRACE_S if limit_s is None else limit_s, remaining_s())
        self._under_way[task] = waiter, until
        task.add_done_callback(self._finish)
        if self._timer is None:
            self._timer = loop.call_later(_TICK_S, self._tick)
        try:
            await waiter
            return task.result()
        except TimeoutError as error:
            raise NotConnected(self.name) from error
        except DRIVER_ERRORS as error:
            raise to_store_error(error, self.name) from error

    async def drain(self, timeout_s: float) -> None:
        """Wait for everything under way; what is left after the time is cancelled."""
        if self._under_way:
            _, left = await asyncio.wait(self._under_way, timeout=timeout_s)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _finish(self, task: asyncio.Task[Any]) -> None:
        waiter, _ = self._under_way.pop(task)
        if not waiter.done():
            waiter.set_result(None)
        elif not task.cancelled():
            task.exception()  # nobody waits any more: mark it as seen

    def _tick(self) -> None:
        now = monotonic()
        for waiter, until in self._under_way.values():
            if now >= until and not waiter.done():
                waiter.set_exception(TimeoutError("the time for this operation is up"))
        self._timer = asyncio.get_running_loop().call_later(_TICK_S, self._tick) if self._under_way else None
