"""Open-loop load: requests leave at a fixed rate, whatever the answers do.

In: a port, the bytes of a request, a rate. Out: how many answers were good, late, refused or failed, and how long
they took. A closed loop waits for a slow server and so hides the queue in front of it; this one does not. `run_load`
runs it in a process of its own, which keeps the rate whatever the test does meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field

from tests.tools import child_environment
from tests.tree import ROOT


@dataclass
class LoadResult:
    """Counts of requests, and times in milliseconds.

    Attributes:
        offered: requests that were due.
        good: answered 2xx in time.
        refused: answered 429 or 503 in time.
        late: not answered within the time-out.
        failed: refused, reset or closed connections.
        statuses: every other answer, by status.
        times_ms: of the good ones, sorted.
        behind_ms: how late the generator itself was at worst; a run far behind measures the generator.
    """

    offered: int = 0
    good: int = 0
    refused: int = 0
    late: int = 0
    failed: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    times_ms: list[float] = field(default_factory=list)
    behind_ms: float = 0

    def percentile_ms(self, share: float) -> float:
        """0.5 is the median; 0 without a good answer."""
        return self.times_ms[min(len(self.times_ms) - 1, int(share * len(self.times_ms)))] if self.times_ms else 0


class _Connection(asyncio.Protocol):
    """A keep-alive connection with one request under way."""

    def __init__(self) -> None:
        self.is_open = True
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._answer: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, request: bytes) -> asyncio.Future[int]:
        """The status of the answer; `ConnectionError` when there is none."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        lines = head.lower().split(b"\r\n")
        fields = dict(line.partition(b":")[::2] for line in lines[1:])
        if len(rest) < int(fields.get(b"content-length", b"0")):
            return
        self._buffer = b""
        if fields.get(b"connection", b"").strip() == b"close":
            self.close()  # before the answer counts, so that nobody uses it again
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(int(lines[0].split()[1]))

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError())

    def close(self) -> None:
        self.is_open = False
        if self._transport is not None:
            self._transport.close()


async def offer(port: int, request: bytes, rate: float, duration_s: float, timeout_s: float = 1) -> LoadResult:
    """Send a request `rate` times a second, on kept connections where one is free.

    Args:
        port: on 127.0.0.1.
        request: as it goes over the wire.
        rate: requests per second.
        duration_s: how long requests are sent; the last answers may take `timeout_s` more.
        timeout_s: what a client waits for.
    """
    loop, result, idle = asyncio.get_running_loop(), LoadResult(), list[_Connection]()

    async def send_one(due: float) -> None:
        connection = None
        try:
            async with asyncio.timeout_at(due + timeout_s):
                while idle and not (connection := idle.pop()).is_open:
                    connection = None
                if connection is None:
                    _, connection = await loop.create_connection(_Connection, "127.0.0.1", port)
                _count(result, await connection.ask(request), loop.time() - due)
            if connection.is_open:
                idle.append(connection)
        except TimeoutError:
            result.late += 1
            if connection is not None:
                connection.close()
        except OSError:
            result.failed += 1

    start = loop.time()
    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * duration_s)):
            due = start + number / rate
            await asyncio.sleep(max(0, due - loop.time()))
            result.behind_ms = max(result.behind_ms, (loop.time() - due) * 1000)
            result.offered += 1
            group.create_task(send_one(due))
    for connection in idle:
        connection.close()
    result.times_ms.sort()
    return result


def _count(result: LoadResult, status: int, elapsed_s: float) -> None:
    if 200 <= status < 300:
        result.good += 1
        result.times_ms.append(elapsed_s * 1000)
    elif status in {429, 503}:
        result.refused += 1
    else:
        result.statuses[status] += 1


def get_request(path: str) -> bytes:
    """The bytes of a plain GET."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def start_load(
    port: int, request: bytes, rate: float, duration_s: float, timeout_s: float = 1
) -> subprocess.Popen[bytes]:
    """The same in a process of its own; `finish_load` gives the result."""
    options = json.dumps([port, request.decode("latin-1"), rate, duration_s, timeout_s])
    command = [sys.executable, "-m", "tests.rig.load", options]
    return subprocess.Popen(command, cwd=ROOT, env=child_environment(), stdout=subprocess.PIPE)


def finish_load(process: subprocess.Popen[bytes], timeout_s: float = 120) -> LoadResult:
    """Wait for the end of a load."""
    output, _ = process.communicate(timeout=timeout_s)
    assert process.returncode == 0
    found = json.loads(output)
    found["statuses"] = Counter({int(status): count for status, count in found["statuses"].items()})
    return LoadResult(**found)


def run_load(port: int, request: bytes, rate: float, duration_s: float, timeout_s: float = 1) -> LoadResult:
    """Start a load and wait for its end."""
    return finish_load(start_load(port, request, rate, duration_s, timeout_s), duration_s + timeout_s + 30)


if __name__ == "__main__":
    _port, _request, *_numbers = json.loads(sys.argv[1])
    print(json.dumps(vars(asyncio.run(offer(_port, _request.encode("latin-1"), *_numbers)))))
