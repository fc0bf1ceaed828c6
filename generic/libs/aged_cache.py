"""What was read from the database a moment ago: bounded in age and in size.

In: a function that reads. Out: its values, at most `age_s` old, counted from before they were read: whatever is
disabled there is refused here no later. What was not found is remembered for a moment only, apart from the rest,
so that guessing costs nobody else their place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from functools import partial
from time import monotonic
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")

AGE_S: Final = 4.0
_ABSENT_S: Final = 1.0
_SIZE: Final = 10_000


class AgedCache(Generic[T]):
    """Values by key; `read` gives the value of a key, or `None`."""

    def __init__(
        self, read: Callable[[str], Coroutine[Any, Any, T | None]], *, age_s: float = AGE_S, size: int = _SIZE
    ) -> None:
        self._read = read
        self._age_s = age_s
        self._size = size
        self._known: dict[str, tuple[float, T]] = {}
        self._absent: dict[str, float] = {}
        self._asking: dict[str, asyncio.Task[T | None]] = {}

    def peek(self, key: str) -> T | None:
        """The value of a key, where it is known; most mostly are, and asking like this costs least."""
        found = self._known.get(key)
        return found[1] if found is not None and found[0] > monotonic() else None

    async def get(self, key: str) -> T | None:
        """The value of a key; those who ask at the same time share one question.

        Raises:
            StoreError: it had to be read, and could not be.
        """
        found = self.peek(key)
        if found is not None:
            return found
        if self._absent.get(key, 0.0) > monotonic():
            return None
        asking = self._asking.get(key)
        if asking is None:
            # Asked for everybody who waits: neither under the deadline nor in the transaction of the first one.
            asking = asyncio.get_running_loop().create_task(self.renew(key), context=Context())
            self._asking[key] = asking
            asking.add_done_callback(partial(self._finish, key))
        return await asyncio.shield(asking)

    def _finish(self, key: str, asking: asyncio.Task[T | None]) -> None:
        del self._asking[key]
        if not asking.cancelled():
            asking.exception()  # those who wait get it; there may be none any more

    async def renew(self, key: str) -> T | None:
        """The value of a key as it is now; not what somebody asked for a moment before."""
        asked_at = monotonic()
        value = await self._read(key)
        self.forget(key)
        if value is None:
            self._absent[key] = asked_at + _ABSENT_S
        else:
            self._known[key] = asked_at + self._age_s, value
        for kept in (self._known, self._absent):
            if len(kept) > self._size:
                del kept[next(iter(kept))]  # the oldest: each was put at the end when it was read
        return value

    def forget(self, key: str) -> None:
        """Read it anew when it is asked for next."""
        self._known.pop(key, None)
        self._absent.pop(key, None)
