"""What was read from the database a moment ago: bounded in age and in size.

In: a function that reads. Out: its values, at most `age_s` old, counted from before they were read: whatever is
disabled there is refused here no later. What was not found is remembered for a moment only, apart from the rest,
so that guessing costs nobody else their place.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final, Generic, TypeVar

T = TypeVar("T")

AGE_S: Final = 4.0
_ABSENT_S: Final = 1.0
_SIZE: Final = 10_000


class AgedCache(Generic[T]):
    """Values by key; `read` gives the value of a key, or `None`."""

    def __init__(self, read: Callable[[str], Awaitable[T | None]], *, age_s: float = AGE_S, size: int = _SIZE) -> None:
        self._read = read
        self._age_s = age_s
        self._size = size
        self._known: dict[str, tuple[float, T]] = {}
        self._absent: dict[str, float] = {}

    async def get(self, key: str) -> T | None:
        """The value of a key.

        Raises:
            StoreError: it had to be read, and could not be.
        """
        found = self._known.get(key)
        if found is not None and found[0] > monotonic():
            return found[1]
        if self._absent.get(key, 0.0) > monotonic():
            return None
        return await self.renew(key)

    async def renew(self, key: str) -> T | None:
        """The value of a key as it is now."""
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
