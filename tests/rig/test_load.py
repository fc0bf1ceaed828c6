"""The load generator counts what a server did, at the rate that was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.rig.load import get_request, offer, run_load
from tests.server import free_port

pytestmark = pytest.mark.alone

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CLOSING = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


class Peer:
    """A server that gives one answer after the other; `None` hangs, an empty one closes."""

    def __init__(self, answers: list[bytes | None]) -> None:
        self.connections = 0
        self.port = 0
        self._answers = answers
        self._number = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                answer = self._answers[self._number % len(self._answers)]
                self._number += 1
                if answer is not None:
                    writer.write(answer)
                if answer == b"" or b"close" in (answer or b""):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()


@asynccontextmanager
async def peer(*answers: bytes | None) -> AsyncIterator[Peer]:
    found = Peer(list(answers))
    async with await asyncio.start_server(found.serve, "127.0.0.1", 0) as server:
        found.port = server.sockets[0].getsockname()[1]
        yield found


async def test_good_answers_on_kept_connections() -> None:
    async with peer(OK) as server:
        result = await offer(server.port, get_request("/"), 200, 0.5)
        assert (result.offered, result.good) == (100, 100)
        assert result.late == result.failed == result.refused == 0
        assert 0 < result.percentile_ms(0.5) <= result.percentile_ms(0.99) < 1000
        assert server.connections < 20


async def test_a_connection_that_is_closed_is_not_used_again() -> None:
    async with peer(CLOSING) as server:
        result = await offer(server.port, get_request("/"), 100, 0.5)
        assert (result.good, result.failed) == (50, 0)
        assert server.connections == 50


async def test_every_other_outcome() -> None:
    refused = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
    missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    async with peer(OK, refused, missing, None, b"") as server:
        result = await offer(server.port, get_request("/"), 100, 1, timeout_s=0.3)
    counts = (result.good, result.refused, result.statuses[404], result.late, result.failed)
    assert counts == (20, 20, 20, 20, 20)


async def test_the_rate_does_not_wait_for_answers() -> None:
    async with peer(None) as server:
        started = asyncio.get_running_loop().time()
        result = await offer(server.port, get_request("/"), 100, 0.5, timeout_s=0.2)
        assert asyncio.get_running_loop().time() - started < 1.5
        assert result.late == result.offered == 50


async def test_nobody_listens() -> None:
    assert (await offer(free_port(), get_request("/"), 20, 0.2)).failed == 4


async def test_as_a_process_of_its_own() -> None:
    missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    async with peer(OK, missing) as server:
        result = await asyncio.to_thread(run_load, server.port, get_request("/x"), 100, 0.2)
    assert (result.offered, result.good, result.statuses) == (20, 10, {404: 10})
    assert result.percentile_ms(1) == pytest.approx(max(result.times_ms))
