"""What of a running application is observed, as its settings say: chosen once, when it is built.

In: the settings. Out: functions that are told of requests, and what chains, steps and outgoing calls run inside of.
What is not asked for is not there: nothing is decided per request, no library of an extra is loaded.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Final

from core.data.deadline import Trace
from core.serve.encoding import RawHeader
from core.serve.exchange import Exchange, Message
from core.serve.program import Watch
from core.serve.request import Request
from core.settings import ServerSettings

if TYPE_CHECKING:
    from core.observe.metrics import Meter

#: is told of every request that is over, with its status and the bytes of its body
Note = Callable[[Request, int, int], None]
Serve = Callable[[Request, Exchange], Awaitable[None]]
#: the status of a request whose client left without an answer
LEFT: Final = 499


class Observation:
    """The observers of one worker.

    Attributes:
        meter: counts for `/metrics`; `None` where nobody asks for it.
        watches: for `compile_routes`.
        trace: for `Upstreams`.
    """

    def __init__(self, settings: ServerSettings, mode: str) -> None:
        self.meter: Meter | None = None
        self.watches: list[Watch] = []
        self._notes: list[Note] = []
        if settings.metrics is not None:
            from core.observe.metrics import Meter

            self.meter = Meter()
            self.watches += [self.meter.watch] if settings.metrics.steps else []
            self._notes.append(self.meter.note)
        if settings.log.access:
            from core.observe.access import AccessLog

            self._notes.append(AccessLog(settings.log, mode).note)
        self.trace: Trace | None = None
        self._enter: Callable[[list[RawHeader]], AbstractContextManager[Any]] = lambda _: nullcontext()
        if settings.tracing:
            from core.observe.tracing import Tracing

            tracing = Tracing()
            self.trace, self._enter = tracing.call, tracing.enter
            self.watches.append(tracing.watch)
            self._notes.append(tracing.note)

    def wrap(self, serve: Serve) -> Serve:
        """The same function, whose requests are noted; itself where nobody notes them."""
        notes, enter = tuple(self._notes), self._enter

        async def observed(request: Request, exchange: Exchange) -> None:
            counted = _Counted(exchange)
            with enter(exchange.headers):
                try:
                    await serve(request, counted)
                finally:
                    for note in notes:
                        note(request, counted.status, counted.size)

        return observed if notes else serve


class _Counted:
    """An exchange that remembers the status of its answer and the bytes of its body."""

    def __init__(self, exchange: Exchange) -> None:
        self.headers, self.port, self.drop_stale = exchange.headers, exchange.port, exchange.drop_stale
        self.status, self.size = LEFT, 0
        self._exchange = exchange

    async def answer(self, status: int, headers: list[RawHeader], body: bytes) -> None:
        self.status, self.size = status, len(body)
        await self._exchange.answer(status, headers, body)

    async def send(self, message: Message) -> None:
        self.status, self.size = message.get("status", self.status), self.size + len(message.get("body", b""))
        await self._exchange.send(message)
