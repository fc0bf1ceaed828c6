"""Records in the memory of one process, those used last, up to a size; asked like `memcached.py`.

In: keys and values as bytes. Out: values that have not expired. After it: `cache.py`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

_ENTRY_BYTES: Final = 200  # what an entry costs beside its texts


class Memory:
    """The same calls as `Memcached`, in this process: the entries used last, up to a size."""

    def __init__(self, limit_bytes: int, clock: Callable[[], float]) -> None:
        self._limit_bytes, self._clock = limit_bytes, clock
        self._entries: OrderedDict[bytes, tuple[float, bytes]] = OrderedDict()
        self._size = 0

    async def get(self, key: bytes) -> bytes | None:
        """The value of a key, `None` where there is none."""
        until, value = self._entries.get(key, (0.0, b""))
        if until <= self._clock():
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return value

    async def set(self, key: bytes, value: bytes, ttl_s: float) -> None:
        """Keep a value for some seconds, unless it is larger than all; what was not used for longest makes room."""
        self._drop(key)
        size = len(key) + len(value) + _ENTRY_BYTES
        if size <= self._limit_bytes:
            self._entries[key] = (self._clock() + ttl_s, value)
            self._size += size
        while self._size > self._limit_bytes:
            self._drop(next(iter(self._entries)))

    async def add(self, key: bytes, value: bytes, ttl_s: float) -> bool:
        """Keep a value unless there is one."""
        if await self.get(key) is not None:
            return False
        await self.set(key, value, ttl_s)
        return True

    async def delete(self, key: bytes) -> None:
        """Forget a key."""
        self._drop(key)

    def _drop(self, key: bytes) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._size -= len(key) + len(entry[1]) + _ENTRY_BYTES
