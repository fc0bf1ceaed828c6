"""Whether a peer that failed is asked again: a circuit breaker, and a budget for second attempts.

In: how calls ended. Out: may this call go, may it be repeated. Pure but for the clock that is passed in; used by
`client.py` for upstreams and by `data/memcached.py`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

_WINDOW_S = 10


class Circuit:
    """Opens after `failures` in a row, or when `ratio` of at least `least` calls in ten seconds failed.

    Open, it refuses for `open_s`, then admits one call as a probe; its success closes the circuit. A probe that
    never ends is followed by another one after the same time.
    """

    def __init__(
        self,
        failures: int,
        open_s: float,
        *,
        ratio: float = 0.5,
        least: int = 20,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures, self._ratio, self._least = failures, ratio, least
        self._open_s = open_s
        self._clock = clock
        self._in_a_row = 0
        self._seconds: deque[list[int]] = deque()  # [second, calls, failed calls]
        self._retry_at = 0.0
        self.is_open = False

    def wait_s(self) -> float:
        """Seconds until a call may be tried; 0 admits the caller."""
        if not self.is_open:
            return 0
        now = self._clock()
        if now < self._retry_at:
            return self._retry_at - now
        self._retry_at = now + self._open_s
        return 0

    def record(self, ok: bool) -> bool:
        """Take note of the end of a call; tells whether the circuit opened or closed by it."""
        was_open, now = self.is_open, self._clock()
        self._in_a_row = 0 if ok else self._in_a_row + 1
        self._count(int(now), ok)
        if ok and was_open:
            self.is_open = False
            self._seconds.clear()
        elif not ok and (was_open or self._is_failing()):
            self.is_open, self._retry_at = True, now + self._open_s
        return self.is_open != was_open

    def _count(self, second: int, ok: bool) -> None:
        while self._seconds and self._seconds[0][0] <= second - _WINDOW_S:
            self._seconds.popleft()
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append([second, 0, 0])
        self._seconds[-1][1] += 1
        self._seconds[-1][2] += not ok

    def _is_failing(self) -> bool:
        calls, failed = (sum(entry[at] for entry in self._seconds) for at in (1, 2))
        return self._in_a_row >= self._failures or (calls >= self._least and failed >= self._ratio * calls)


class RetryBudget:
    """Second attempts are at most a tenth of the calls, so that an outage is not made worse by them."""

    def __init__(self) -> None:
        self._saved = 1.0

    def add_call(self) -> None:
        """A call was made: it earns a tenth of a retry, ten are kept at most."""
        self._saved = min(self._saved + 0.1, 10.0)

    def take(self) -> bool:
        """Whether a call may be repeated now."""
        if self._saved < 1:
            return False
        self._saved -= 1
        return True
