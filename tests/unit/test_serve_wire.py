"""An exchange on a connection: pieces of a body as they come, answers whole, of a known length, or in chunks."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from uvicorn.protocols.http.flow_control import FlowControl

from core.data.deadline import Disconnected
from core.serve.request import Request
from core.serve.wire import HttpExchange

LENGTH = (b"content-length", b"3")


class FakeTransport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.reading = True

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class FakeWire:
    """A connection without a socket."""

    port = 3000

    def __init__(self) -> None:
        self.transport = FakeTransport()
        self.flow = FlowControl(self.transport)
        self.finished: list[bool] = []

    def write(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes, *, keep_alive: bool) -> None:
        names = b",".join(name for name, _ in headers)
        self.transport.write(b"%d %b %d|%b" % (status, names, keep_alive, body))

    def finish(self, *, keep_alive: bool) -> None:
        self.finished.append(keep_alive)

    def drop_stale(self) -> bool:
        return False


def open_exchange(
    method: str = "GET", version: str = "1.1", *, expects: bool = False
) -> tuple[FakeWire, Request, HttpExchange]:
    wire, request = FakeWire(), Request(method, http_version=version)
    return wire, request, HttpExchange(wire, request, [], expects=expects)


def head(*headers: tuple[bytes, bytes], status: int = 200) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def piece(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def test_a_whole_answer_is_written_at_once() -> None:
    wire, _, exchange = open_exchange()
    await exchange.answer(200, [LENGTH], b"abc")
    assert (wire.transport.written, wire.finished, exchange.complete) == (b"200 content-length 1|abc", [True], True)


SENT = {
    "known length": ("GET", "1.1", [LENGTH], 200, b"200 content-length 1|abc"),
    "chunked": ("GET", "1.1", [], 200, b"200 transfer-encoding 1|2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"),
    "until the end": ("GET", "1.0", [], 200, b"200  1|abc"),
}


@pytest.mark.parametrize(("method", "version", "headers", "status", "expected"), SENT.values(), ids=SENT)
async def test_bodies_in_pieces(method: str, version: str, headers: Any, status: int, expected: bytes) -> None:
    wire, _, exchange = open_exchange(method, version)
    for message in (head(*headers, status=status), piece(b"ab", more=True), piece(b"c", more=True), piece(b"")):
        await exchange.send(message)
    assert (wire.transport.written, wire.finished) == (expected, [True])


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
async def test_answers_without_a_body_have_no_chunks(method: str, status: int) -> None:
    wire, _, exchange = open_exchange(method)
    await exchange.send(head(status=status))
    await exchange.send(piece(b""))
    assert (wire.transport.written, wire.finished) == (b"%d  1|" % status, [True])


@pytest.mark.parametrize("body", [b"ab", b"abcd"], ids=["shorter", "longer"])
async def test_a_body_of_another_length_than_announced_is_never_complete(body: bytes) -> None:
    wire, _, exchange = open_exchange()
    await exchange.send(head(LENGTH))
    with pytest.raises(RuntimeError, match="another length"):
        await exchange.send(piece(body))
    assert (wire.finished, exchange.complete) == ([], False)


async def test_a_body_is_read_as_it_comes_and_then_waits_for_the_client_to_leave() -> None:
    wire, request, exchange = open_exchange("POST", expects=True)
    reading = asyncio.create_task(request.chunks())
    await asyncio.sleep(0)
    assert wire.transport.written == b"HTTP/1.1 100 Continue\r\n\r\n"
    exchange.feed(b"ab", more=True)
    assert await reading == (b"ab", True)
    exchange.feed(b"c" * 70_000, more=True)
    assert not wire.transport.reading
    exchange.feed(b"", more=False)
    assert await request.chunks() == (b"c" * 70_000, False)
    assert wire.transport.reading
    waiting = [asyncio.create_task(request.until_gone()) for _ in range(2)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    exchange.leave()
    await asyncio.gather(*waiting)
    with pytest.raises(Disconnected):
        await exchange.answer(200, [LENGTH], b"abc")


async def test_an_answer_waits_for_a_client_that_does_not_read() -> None:
    wire, _, exchange = open_exchange()
    wire.flow.pause_writing()
    answering = asyncio.create_task(exchange.answer(200, [LENGTH], b"abc"))
    await asyncio.sleep(0)
    assert wire.transport.written == b""
    wire.flow.resume_writing()
    await answering
    assert wire.transport.written.endswith(b"abc")


class SlowTransport(FakeTransport):
    """Its client has to read each write before the next one."""

    def __init__(self, wire: FakeWire) -> None:
        super().__init__()
        wire.transport, wire.flow = self, FlowControl(self)
        self.flow = wire.flow

    def write(self, data: Any) -> None:
        super().write(data)
        self.flow.pause_writing()


async def test_a_long_answer_is_written_as_it_is_read_and_complete_then() -> None:
    """Complete before it is read, the connection would count as idle, and be closed in the middle of the answer."""
    wire, _, exchange = open_exchange()
    transport, body = SlowTransport(wire), bytes(range(256)) * 800
    answering = asyncio.create_task(exchange.answer(200, [LENGTH], body))
    sizes = []
    while not answering.done():
        await asyncio.sleep(0)
        sizes.append(len(transport.written))
        assert exchange.started
        assert wire.finished == [True] * answering.done()
        wire.flow.resume_writing()
        await asyncio.sleep(0)
    assert len(set(sizes)) == 3
    assert transport.written == b"200 content-length 1|" + body


async def test_a_client_may_send_the_rest_of_its_body_before_it_reads_a_long_answer() -> None:
    wire, _, exchange = open_exchange("POST")
    transport = SlowTransport(wire)
    exchange.feed(b"x" * 70_000, more=True)
    assert not transport.reading
    answering = asyncio.create_task(exchange.answer(200, [LENGTH], b"x" * 200_000))
    await asyncio.sleep(0)
    assert transport.reading
    exchange.feed(b"x" * 70_000, more=True)
    assert transport.reading
    while not answering.done():
        wire.flow.resume_writing()
        await asyncio.sleep(0)
    assert wire.finished == [True]


async def test_a_client_that_leaves_a_long_answer_gets_no_more_of_it() -> None:
    wire, _, exchange = open_exchange()
    transport = SlowTransport(wire)
    answering = asyncio.create_task(exchange.answer(200, [LENGTH], b"x" * 200_000))
    await asyncio.sleep(0)
    exchange.leave()
    wire.flow.resume_writing()
    with pytest.raises(Disconnected):
        await answering
    assert (len(transport.written) < 66_000, wire.finished, exchange.complete) == (True, [], False)
