"""Whether a peer that failed is asked again: a circuit breaker.

In: how calls ended. Out: whether the next one may go. Used by `client.py` and `data/memcached.py`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable


class Circuit:
    """Opens after `failures` in a row (0: never), or when half of at least twenty calls in ten seconds failed.

    Open, it refuses for `open_s`, then admits one call as a probe; its success closes the circuit. A probe that
    never ends is followed by another one after the same time.
    """

    def __init__(self, failures: int, open_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._failures, self._open_s, self._clock = failures, open_s, clock
        self._in_a_row, self._retry_at = 0, 0.0
        self._seconds: deque[list[int]] = deque()  # [second, calls, failed calls]
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
        while self._seconds and self._seconds[0][0] <= int(now) - 10:
            self._seconds.popleft()
        if not self._seconds or self._seconds[-1][0] != int(now):
            self._seconds.append([int(now), 0, 0])
        self._seconds[-1][1] += 1
        self._seconds[-1][2] += not ok
        self._in_a_row = 0 if ok else self._in_a_row + 1
        calls, failed = (sum(entry[at] for entry in self._seconds) for at in (1, 2))
        if ok and was_open:
            self.is_open = False
            self._seconds.clear()
        elif self._failures and not ok and (was_open or self._in_a_row >= self._failures or 20 <= calls <= failed * 2):
            self.is_open, self._retry_at = True, now + self._open_s
        return self.is_open != was_open
