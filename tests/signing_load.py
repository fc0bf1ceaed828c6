"""Signed requests at a fixed rate against real servers: who was refused, and when.

In: ports, a function that gives the next request. Out: what was sent when, with which key, and its answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.rig.load import _Connection


@dataclass(frozen=True)
class Shot:
    """A request: `label` of its key, when it was sent and answered (loop time), status (0: none)."""

    label: str
    sent_at: float
    answered_at: float
    status: int


async def shoot(
    ports: Sequence[int], make: Callable[[], tuple[str, bytes]], rate: float, duration_s: float, shots: list[Shot]
) -> None:
    """Send what `make` gives (label, bytes) `rate` times a second, to the ports in turn; fills `shots`."""
    loop = asyncio.get_running_loop()
    idle: dict[int, list[_Connection]] = {port: [] for port in ports}

    async def send_one(port: int) -> None:
        label, request = make()
        sent_at, status = loop.time(), 0
        try:
            async with asyncio.timeout(10):
                connection = None
                while idle[port] and not (connection := idle[port].pop()).is_open:
                    connection = None
                if connection is None:
                    _, connection = await loop.create_connection(_Connection, "127.0.0.1", port)
                status = await connection.ask(request)
            if connection.is_open:
                idle[port].append(connection)
        except (TimeoutError, OSError):
            status = 0
        shots.append(Shot(label, sent_at, loop.time(), status))

    start = loop.time()
    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * duration_s)):
            await asyncio.sleep(max(0, start + number / rate - loop.time()))
            group.create_task(send_one(ports[number % len(ports)]))
    for connection in [one for kept in idle.values() for one in kept]:
        connection.close()
