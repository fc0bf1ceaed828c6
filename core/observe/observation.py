"""What of a running application is observed, as its settings say: chosen once, when it is built.

In: the settings. Out: functions that are told of requests, and what chains, steps and outgoing calls run inside of.
What is not asked for is not there: nothing is decided per request, no library of an extra is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from core.data.deadline import Trace
from core.observe.turn import Over, Turn
from core.serve.exchange import Serve
from core.serve.program import Watch
from core.serve.request import Request
from core.settings import ServerSettings

if TYPE_CHECKING:
    from core.observe.metrics import Meter

#: is told of every request that is over, with its status and the bytes of its body
Note = Callable[[Request, int, int], None]


class Observation:
    """The observers of one worker.

    Attributes:
        meter: counts for `/metrics`; `None` where nobody asks for it.
        notes: to be told of requests.
        watches: for `compile_routes`.
        trace: for `Upstreams`.
        wrap: gives a function whose requests are spans; itself where nobody asks for them.
    """

    def __init__(self, settings: ServerSettings, mode: str) -> None:
        self.meter: Meter | None = None
        self.watches: list[Watch] = []
        observers: list[Callable[[Sequence[Over]], None]] = []
        if settings.metrics is not None:
            from core.observe.metrics import Meter

            self.meter = Meter()
            self.watches += [self.meter.watch] if settings.metrics.steps else []
            observers.append(self.meter.note)
        if settings.log.access:
            from core.observe.access import AccessLog

            observers.append(AccessLog(settings.log, mode).note)
        self.notes: list[Note] = [Turn(observers).note] if observers else []
        self.trace: Trace | None = None
        self.wrap: Callable[[Serve], Serve] = lambda serve: serve
        if settings.tracing:
            from core.observe.tracing import Tracing

            tracing = Tracing()
            self.trace, self.wrap = tracing.call, tracing.wrap
            self.watches.append(tracing.watch)
            self.notes.append(tracing.note)
