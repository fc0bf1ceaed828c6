"""Refuses requests while more arrive than can be answered, and reports what holds up the event loop.

In: the delay of a timer that should fire every 20 ms. Out: how many requests may be under way at a time; the limit
falls while the loop is late and grows while it is not (AIMD). Until then `app.py` asks for one flag per request.
"""

from __future__ import annotations

import asyncio
import logging
import math
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from core.errors import HTTPError, Unavailable
from core.link.linked import LinkedRoute
from core.serve.deadline import Deadlines
from core.serve.request import Request
from core.serve.response import Response
from core.settings import Overload

_TICK_S: Final = 0.02
#: the limit never falls below this; and a single late tick, which may be a pause of the machine, not below half of that
_FLOOR, _LIKELY = 4, 80
_KEPT: Final = 64  # refusals, by language
#: what holds up the loop for longer is reported
_BLOCKED_S: Final = 0.1
#: parts of the limit; a tenth is kept for routes that demand a key or a login
_SHARES: Final = {"low": 0.5, "anonymous": 0.9, "normal": 1.0, "high": math.inf}
_log = logging.getLogger("catena.server")


class Admission:
    """Whether a request may begin; `running` are those under way, `alert` says whether anybody has to ask.

    `refused` counts those that might not.
    """

    def __init__(self, settings: Overload, running: Deadlines, make: Callable[[Request, HTTPError], Response]) -> None:
        self.alert, self.refused = False, 0
        self.limit = float(settings.max_requests)
        self._target_s, self._max, self._running = settings.max_lag_ms / 1000, settings.max_requests, running
        self._make, self._made = make, dict[tuple[Any, ...], Response]()
        self._waiting = 0  # slow clients must not use up the limit
        self._due = math.inf
        self._stopped = threading.Event()

    def start(self) -> None:
        """Measure from now on."""
        loop = asyncio.get_running_loop()
        self._tick(loop)
        threading.Thread(target=self._watch, args=(loop, threading.get_ident()), daemon=True).start()

    def stop(self) -> None:
        """Measure no more."""
        self._stopped.set()

    def admits(self, route: LinkedRoute) -> bool:
        """Whether one more request may begin."""
        share = _SHARES[route.priority or ("normal" if route.authorization else "anonymous")]
        return len(self._running) - self._waiting < max(1, self.limit * share)

    def refuse(self, request: Request) -> Response:
        """The answer to a request that may not begin: made once for each language, because there will be many."""
        self.refused += 1
        after_s = self.refused % 3 + 1  # so that they do not all come again together
        key = (after_s, request.index.get(b"culture.code"), request.index.get(b"accept-language"))
        if (made := self._made.get(key)) is None:
            if len(self._made) >= _KEPT:
                self._made.clear()
            made = self._made[key] = self._make(request, Unavailable(retry_after_s=after_s))
        answer = Response(made.body, made.status)
        answer.raw_headers = [*made.raw_headers]
        return answer

    def note(self, lag_s: float) -> None:
        """Take one measurement into account."""
        if lag_s > self._target_s:
            # Far fewer than the limit may be under way: it would fall for a long time before it is felt.
            likely = min(self.limit, max(len(self._running), _LIKELY))
            self.limit = max(_FLOOR, likely * max(0.5, min(0.9, self._target_s / lag_s)))
        elif lag_s < self._target_s / 2:
            self.limit = min(self._max, self.limit + max(0.5, self.limit / 50))
        self._waiting = self._running.count_waiting() if self.alert else 0
        self.alert = self.limit < self._max or len(self._running) >= self._max / 2

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now = time.monotonic()
        self.note(max(0, now - self._due))
        self._due = now + _TICK_S
        if not self._stopped.is_set():
            loop.call_later(_TICK_S, self._tick, loop)

    def _watch(self, loop: asyncio.AbstractEventLoop, thread: int) -> None:
        """In a thread of its own: say once which route, and where, holds up the loop."""
        reported = 0.0
        while not self._stopped.wait(_BLOCKED_S / 2):
            due, task = self._due, asyncio.current_task(loop)
            frame = sys._current_frames().get(thread)  # noqa: SLF001  there is no other way
            if time.monotonic() - due > _BLOCKED_S and due != reported and task is not None and frame is not None:
                reported = due
                route, place = self._running.find_route(task), f"{frame.f_code.co_filename}:{frame.f_lineno}"
                extra = {"action": "server.blocked", "route": route, "place": place}
                _log.warning("%s blocks the event loop at %s", route, place, extra=extra)
