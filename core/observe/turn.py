"""Requests that end in one turn of the event loop, noted together: the processor then has at hand what notes them.

In: the end of each request. Out: what there is to say of them, to the access log and the figures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic

from core.serve.request import Request

#: a request that is over, with status, bytes of the body and seconds
Over = tuple[Request, int, int, float]


class Turn:
    """The requests of a worker that are over and not noted yet."""

    def __init__(self, observers: Sequence[Callable[[Sequence[Over]], None]]) -> None:
        self._observers, self._over = observers, list[Over]()

    def note(self, request: Request, status: int, size: int) -> None:
        """A request is over."""
        if not self._over:
            asyncio.get_running_loop().call_soon(self._tell)
        self._over.append((request, status, size, monotonic() - request.started_s))

    def _tell(self) -> None:
        over, self._over = self._over, []
        for observe in self._observers:
            observe(over)
