"""Requests: headers, ids, and bodies that are refused before they are buffered."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

import pytest

from core.data.deadline import Disconnected
from core.errors import BadRequest, PayloadTooLarge
from core.serve.body import read_body
from core.serve.request import Chunks, Request


class Source:
    """Gives pieces of a body, and counts how many were asked for."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.pieces = list(pieces)
        self.asked = 0

    async def __call__(self) -> tuple[bytes, bool]:
        self.asked += 1
        return self.pieces[self.asked - 1], self.asked < len(self.pieces)


def post(chunks: Chunks, **headers: bytes) -> Request:
    return Request(
        "POST", "/a", chunks=chunks, index={name.encode().replace(b"_", b"-"): v for name, v in headers.items()}
    )


async def test_a_body_in_one_piece_is_not_copied() -> None:
    piece = b"x" * 100
    request = post(Source([piece]))
    assert await read_body(request, 100) is piece
    assert request.raw is piece


async def test_a_body_in_pieces_is_joined() -> None:
    request = post(Source([b"ab", b"", b"c"]))
    assert await read_body(request, 3) == b"abc"
    assert request.raw == b"abc"


async def test_no_body() -> None:
    request = Request("GET", "/a")
    assert request.raw == b""
    assert await read_body(request, 10) == b""


async def test_val_3_an_announced_length_is_refused_before_reading() -> None:
    source = Source([b"x" * 11])
    with pytest.raises(PayloadTooLarge) as caught:
        await read_body(post(source, content_length=b"11"), 10)
    assert source.asked == 0
    assert "10 bytes" in caught.value.msg


async def test_val_3_reading_stops_as_soon_as_the_sum_is_too_large() -> None:
    source = Source([b"x" * 6] * 1_000)
    request = post(source)
    with pytest.raises(PayloadTooLarge):
        await read_body(request, 10)
    assert source.asked == 2
    assert request.raw == b""


async def test_val_3_a_length_that_lies_does_not_help() -> None:
    with pytest.raises(PayloadTooLarge):
        await read_body(post(Source([b"x" * 11]), content_length=b"1"), 10)


@pytest.mark.parametrize("length", [b"", b"-1", b"+5", b"0x10", b"1, 1", b"1e3", "²".encode("latin-1"), b"9" * 19])
async def test_f02_lengths_that_are_no_numbers_are_refused(length: bytes) -> None:
    source = Source([b"x"])
    with pytest.raises(BadRequest):
        await read_body(post(source, content_length=length), 10)
    assert source.asked == 0


async def test_http_16_a_client_that_leaves_is_told_apart() -> None:
    async def leave() -> tuple[bytes, bool]:
        raise Disconnected

    with pytest.raises(Disconnected):
        await read_body(post(leave), 10)


async def test_a_stream_passes_pieces_on() -> None:
    source = Source([b"ab", b"", b"c"])
    request = post(source)
    assert [piece async for piece in request.stream()] == [b"ab", b"c"]
    assert request.raw == b""


async def test_a_stream_reads_only_what_is_asked_for() -> None:
    source = Source([b"x"] * 10)
    stream = post(source).stream()
    assert await anext(stream) == b"x"
    await asyncio.sleep(0)
    assert source.asked == 1


def test_headers() -> None:
    request = Request("GET", "/a", index={b"x-one": b"1", b"x-two": b"\xe4"})
    assert request.header("X-One") == "1"
    assert request.header("x-two") == "ä"
    assert request.header("x-three") is None
    assert request.header("x-ä") is None
    assert request.headers == {"x-one": "1", "x-two": "ä"}
    assert request.headers is request.headers


def test_ids_are_drawn_once_and_differ() -> None:
    one, two = Request("GET", "/a"), Request("GET", "/a")
    assert one.id == one.id
    assert len(one.id) == 16
    assert one.id != two.id
    ids = {Request("GET", "/a").id for _ in range(10_000)}
    assert len(ids) == 10_000
    assert all(re.fullmatch("[0-9a-f]{16}", id_) for id_ in ids)


def test_a_fresh_request_has_no_values() -> None:
    request = Request(
        "GET", "/a", index={b"host": b"h"}, scheme="https", client_ip="1.2.3.4", query_string=b"q", raw_path=b"/%61"
    )
    assert dict(request.path_values) == {}
    assert (request.host, request.scheme, request.client_ip, request.http_version) == ("h", "https", "1.2.3.4", "1.1")
    assert (request.raw_path, request.query_string) == (b"/%61", b"q")


IDS = [
    (b"job-4711", True), (b"a", True), (b"550e8400-e29b-41d4-a716-446655440000", True), (b"Root=1-6789:a/b+c~d.e_f", True),
    (b"x" * 64, True), (b"x" * 65, False), (b"", False), (b"a b", False), (b"a,b", False), (b'a"b', False), (b"a\n", False),
    (b"\xe9", False), (b"<script>", False), (b"%0a", False), (b"a\r\nSet-Cookie: x", False), (b"{}", False),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "taken"), IDS)
def test_the_id_of_a_client_is_taken_if_it_is_well_formed(sent: bytes, taken: bool) -> None:
    request = post(Source([]), x_request_id=sent)
    assert (request.id == sent.decode("latin-1")) is taken
    assert request.id == request.id
    assert taken or re.fullmatch("[0-9a-f]{16}", request.id)
    assert request.trace_headers() == {"x-request-id": request.id}


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENTS = [
    (f"00-{TRACE}-00f067aa0ba902b7-01", TRACE), (f"cc-{TRACE}-00f067aa0ba902b7-00", TRACE), (f"ff-{TRACE}-00f067aa0ba902b7-01", ""),
    (f"00-{'0' * 32}-00f067aa0ba902b7-01", ""), (f"00-{TRACE}-{'0' * 16}-01", ""), (f"00-{TRACE.upper()}-00f067aa0ba902b7-01", ""),
    (f"00-{TRACE}-00f067aa0ba902b7", ""), (f"00-{TRACE}-00f067aa0ba902b7-01-x", ""), (f"00-{TRACE}-00f067aa0ba902b7-01\n", ""), ("", ""),
]  # fmt: skip


@pytest.mark.parametrize(("parent", "trace"), PARENTS)
def test_a_trace_goes_on_if_it_is_well_formed(parent: str, trace: str) -> None:
    request = post(Source([]), traceparent=parent.encode(), tracestate=b"a=1")
    assert request.trace_id == trace
    follows = {"traceparent": parent, "tracestate": "a=1"} if trace else {}
    assert request.trace_headers() == {"x-request-id": request.id, **follows}
