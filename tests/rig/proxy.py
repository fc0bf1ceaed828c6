"""A TCP proxy that misbehaves: late, lost, cut, swallowed, reset and refused connections.

In: the address of a real server (MongoDB, memcached, HTTP; a port or a unix socket). Out: a port that leads
there, and `fault` to change at any time from any thread. It knows no protocol: a piece is what one read gave.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PIECE = 65_536


@dataclass(frozen=True)
class Fault:
    """What happens to pieces from now on; the default is nothing.

    Attributes:
        delay_s: each answer arrives this much later; order and throughput stay.
        drop: share of answers that are swallowed, their connection reset: the client cannot know the outcome.
        cut_after: an answer ends after this many bytes, its connection reset; -1 never.
        hole: everything sent in either direction disappears, connections stay.
        refuse: nobody listens.
    """

    delay_s: float = 0
    drop: float = 0
    cut_after: int = -1
    hole: bool = False
    refuse: bool = False


class FaultProxy:
    """Runs in a thread of its own. Make one with `with fault_proxy(target) as proxy`.

    Attributes:
        port: on 127.0.0.1, also while connections are refused.
        accepted: connections so far.
        dropped: answers swallowed so far.
    """

    def __init__(self, target: int | Path, seed: int = 0) -> None:
        self.port = 0
        self.accepted = 0
        self.dropped = 0
        self._fault = Fault()
        self._target = target
        self._chance = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="rig-proxy", daemon=True)
        self._thread.start()
        self._run(self._listen())

    @property
    def fault(self) -> Fault:
        """What goes wrong now; set it to change that. It holds for pieces that are read from then on."""
        return self._fault

    @fault.setter
    def fault(self, fault: Fault) -> None:
        self._run(self._change(fault))

    def reset(self) -> None:
        """Cut every open connection with an RST."""
        self._run(self._reset())

    def close(self) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _change(self, fault: Fault) -> None:
        if fault.refuse and self._server is not None:
            self._server.close()
            self._server = None
        elif not fault.refuse and self._server is None:
            await self._listen()
        self._fault = fault

    async def _reset(self) -> None:
        for writer in list(self._writers):
            _abort(writer)

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._reset()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            there = await self._connect()
        except OSError:
            _abort(writer)
            return
        both = {writer, there[1]}
        self._writers |= both
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._pass_on(reader, there[1], answers=False))
                ways.create_task(self._pass_on(there[0], writer, answers=True))
        except* OSError:  # one side was reset: so is the other
            for side in both:
                _abort(side)
        finally:
            self._writers -= both
            for side in both:
                side.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, Path):
            return await asyncio.open_unix_connection(self._target)
        return await asyncio.open_connection("127.0.0.1", self._target)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        """One direction; pieces wait in a queue, so that a delay does not slow down the ones behind it."""
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(1000)
        writing = asyncio.create_task(_write_when_due(queue, writer))
        try:
            while piece := await reader.read(_PIECE):
                fault = self._fault
                if fault.hole:
                    continue
                if answers and self._chance.random() < fault.drop:
                    self.dropped += 1
                    raise ConnectionResetError
                if answers and 0 <= fault.cut_after < len(piece):
                    writer.write(piece[: fault.cut_after])
                    await writer.drain()
                    raise ConnectionResetError
                await queue.put((time.monotonic() + fault.delay_s * answers, piece))
            await queue.put((0, b""))
            await writing
        finally:
            writing.cancel()


async def _write_when_due(queue: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
    while True:
        due, piece = await queue.get()
        await asyncio.sleep(max(0, due - time.monotonic()))
        if not piece:
            writer.write_eof()
            return
        writer.write(piece)
        await writer.drain()


def _abort(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextmanager
def fault_proxy(target: int | Path, seed: int = 0) -> Iterator[FaultProxy]:
    """A proxy to a port of this machine or a unix socket, gone with the block."""
    proxy = FaultProxy(target, seed)
    try:
        yield proxy
    finally:
        proxy.close()
