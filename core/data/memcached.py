"""memcached as a place that may be asked and may not answer: never an error, never a wait of more than 50 ms.

In: keys and values as bytes. Out: values, or `None` for whatever reason. Several servers share the keys by
rendezvous hashing, so that one more or less moves only its own. After it: `cache.py`.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

from aiomcache.client import Client, acquire
from aiomcache.exceptions import ClientException
from aiomcache.pool import Connection, MemcachePool

from core.http.breaker import Circuit

#: bound of one call, and how long a server is left alone after failing three times
CALL_S: Final = 0.05
OPEN_S: Final = 2.0
_CONNECTIONS: Final = 4
_RELATIVE_S: Final = 30 * 24 * 3600  # memcached reads longer times as points in time
_log = logging.getLogger("catena.cache")


class _Pool(MemcachePool):
    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port, minsize=_CONNECTIONS, maxsize=_CONNECTIONS)
        self._opening = asyncio.Lock()

    async def _create_new_conn(self) -> Connection | None:
        async with self._opening:  # else each of a thousand that ask at once opens one, and most are closed again
            return await super()._create_new_conn()

    def release(self, conn: Connection) -> None:
        # aiomcache 0.8 keeps the connection of a cancelled command, and the next command reads its answer.
        if isinstance(sys.exception(), asyncio.CancelledError):
            conn.reader.set_exception(ConnectionAbortedError())
        super().release(conn)


class _Client(Client):
    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self._pool = _Pool(host, port)

    async def _execute_simple_command(self, conn: Connection, raw_command: bytes) -> bytes:
        # aiomcache 0.8 reads on without end, and without ever waiting, when the server closes the connection.
        conn.writer.write(raw_command)
        await conn.writer.drain()
        return (await conn.reader.readuntil(b"\r\n"))[:-2]

    @acquire
    async def count(
        self, conn: Connection, name: bytes, number: int, by: int, others: Sequence[int], expiry: int
    ) -> dict[int, int]:
        key, command = b"%b:%d" % (name, number), b"incr" if by > 0 else b"decr"
        both = b"add %b 0 %d 1\r\n0\r\n%b %b %d\r\n" % (key, expiry, command, key, abs(by))
        await self._execute_simple_command(conn, both)
        count = int(await conn.reader.readuntil(b"\r\n"))
        found, _ = await self._multi_get(conn, *(b"%b:%d" % (name, other) for other in others))
        return {other: int(found.get(b"%b:%d" % (name, other), 0)) for other in others} | {number: count}


class _Server:
    def __init__(self, name: str) -> None:
        host, _, port = name.rpartition(":")
        self.name = name
        self.client = _Client(host.strip("[]"), int(port))
        self.circuit = Circuit(3, OPEN_S)


class Memcached:
    """The servers of one worker, each with its circuit breaker; `servers` are texts like `10.0.0.5:11211`."""

    def __init__(self, servers: Sequence[str]) -> None:
        self._servers = [_Server(name) for name in servers]

    async def get(self, key: bytes) -> bytes | None:
        """The value of a key, `None` where there is none or nobody says so in time."""
        value = await self._call("get", key)
        return value if isinstance(value, bytes) else None

    async def set(self, key: bytes, value: bytes, ttl_s: float) -> None:
        """Keep a value for some seconds, if possible."""
        await self._call("set", key, value, _expiry(ttl_s))

    async def add(self, key: bytes, value: bytes, ttl_s: float) -> bool | None:
        """Keep a value unless there is one: `False`; `None` when nobody says so in time."""
        added = await self._call("add", key, value, _expiry(ttl_s))
        return added if isinstance(added, bool) else None

    async def count(
        self, name: bytes, number: int, by: int, others: Sequence[int], ttl_s: float
    ) -> dict[int, int] | None:
        """Add to one of the numbered counters of a name, then read it and others, that are all on one server.

        `None` when nobody says so in time. A counter lives for `ttl_s` seconds at least from its first use.
        """
        counts = await self._call("count", name, number, by, others, _expiry(ttl_s + 1))
        return counts if isinstance(counts, dict) else None

    async def delete(self, key: bytes) -> None:
        """Forget a key."""
        await self._call("delete", key)

    async def close(self) -> None:
        """Close the connections."""
        for server in self._servers:
            await server.client.close()

    def open_circuits(self) -> dict[tuple[str], bool]:
        """By server whether it is left alone for a while."""
        return {(server.name,): server.circuit.is_open for server in self._servers}

    async def _call(self, command: str, key: bytes, *arguments: Any) -> object:
        server = max(self._servers, key=lambda server: hashlib.blake2b(server.name.encode() + b"\0" + key).digest())
        if server.circuit.wait_s():
            return None
        reply: object = None
        try:
            async with asyncio.timeout(CALL_S):
                reply = await getattr(server.client, command)(key, *arguments)
            failure = None
        except ClientException as error:  # the server answered: it refuses this command
            _log.warning("memcached %s refuses '%s': %s", server.name, command, error, extra={"action": "cache"})
            failure = None
        except (OSError, EOFError, ValueError) as error:  # ValueError: an answer that cannot be read
            failure = error
        if server.circuit.record(failure is None):
            state = "is not asked for a while" if failure else "answers again"
            _log.warning("memcached %s %s: %r", server.name, state, failure, extra={"action": "cache"})
        return reply


def _expiry(ttl_s: float) -> int:
    seconds = max(1, round(ttl_s))
    return seconds if seconds <= _RELATIVE_S else int(time.time()) + seconds
