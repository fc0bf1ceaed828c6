"""How answers leave: entity tags, 304, compression, lengths; files with ranges and conditions."""

from __future__ import annotations

import gzip
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import NotFound
from core.serve.delivery import accepts_gzip, deliver, is_known, send_file, weak_etag
from core.serve.request import Request
from core.serve.response import FileResponse, Response, StreamResponse

CONTENT = bytes(range(256)) * 400
BIG = {"text": "abc " * 1_000}


def ask(method: str = "GET", **headers: str) -> Request:
    return Request(
        method, "/a", index={name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    )


def sent(response: Response, request: Request) -> tuple[int, dict[bytes, bytes], bytes]:
    status, headers, body = deliver(response, request)
    assert len(dict(headers)) == len(headers)
    return status, dict(headers), body


# Entity tags


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_client_that_has_this_version_gets_304(method: str) -> None:
    status, headers, body = sent(Response({"a": 1}), ask(method))
    assert (status, body, headers[b"content-length"]) == (200, b'{"a":1}', b"7")
    etag = headers[b"etag"].decode()
    assert etag.startswith('W/"')
    for known in (etag, etag.removeprefix("W/"), "*", f'"x", {etag}'):
        status, headers, body = sent(Response({"a": 1}), ask(method, if_none_match=known))
        assert (status, body) == (304, b"")
        assert headers[b"etag"] == etag.encode()
        assert b"content-length" not in headers
        assert b"content-type" not in headers
        assert headers[b"x-content-type-options"] == b"nosniff"


@pytest.mark.parametrize("known", ["*", "other"])
def test_e11_caches_hear_the_same_of_304_and_of_200(known: str) -> None:
    """A cache takes over what 304 says: without this it would give a compressed answer to everybody."""
    status, headers, _ = sent(Response(BIG, headers={"Vary": "origin"}), ask(if_none_match=known))
    assert status == (304 if known == "*" else 200)
    assert headers[b"vary"] == b"origin, accept-encoding"


def test_another_version_is_sent() -> None:
    for known in ('W/"other"', '""', "", '"*"', 'W/"7"'):
        assert sent(Response({"a": 1}), ask(if_none_match=known))[0] == 200


def test_a_tag_that_a_step_set_is_kept_and_compared() -> None:
    status, headers, _ = sent(Response({"a": 1}, headers={"ETag": '"v5"'}), ask())
    assert (status, headers[b"etag"]) == (200, b'"v5"')
    assert sent(Response({"a": 1}, headers={"ETag": '"v5"'}), ask(if_none_match='W/"v5"'))[0] == 304


def test_writes_and_errors_are_never_304() -> None:
    assert sent(Response({"a": 1}), ask("POST", if_none_match="*"))[0] == 200
    status, headers, _ = sent(Response({"a": 1}, 404), ask(if_none_match="*"))
    assert status == 404
    assert b"etag" not in headers


def test_tags_of_different_bodies_differ() -> None:
    tags = {weak_etag(b"%d" % number) for number in range(20_000)}
    assert len(tags) == 20_000
    assert weak_etag(b"a") == weak_etag(b"a")
    assert is_known(b'W/"a" , "b"', b'"a"')
    assert not is_known(b"", b'"a"')


# Bodies and lengths


@pytest.mark.parametrize("status", [204, 304])
def test_statuses_without_a_body(status: int) -> None:
    status, headers, body = sent(Response({"a": 1}, status), ask())
    assert body == b""
    assert b"content-length" not in headers
    assert b"content-type" not in headers


def test_no_content_has_length_zero() -> None:
    assert sent(Response(None, 200), ask())[1][b"content-length"] == b"0"


async def no_pieces() -> AsyncIterator[bytes]:
    yield b"a"


@pytest.mark.parametrize("status", [200, 404])
def test_HTTP_6_an_answer_has_the_length_of_its_body(status: int) -> None:
    response = Response({"a": 1}, status, headers={"Content-Length": "3"})
    assert sent(response, ask())[1][b"content-length"] == b"7"


def test_streams_have_no_length_and_no_tag() -> None:
    status, headers, body = sent(StreamResponse(no_pieces(), 206), ask(accept_encoding="gzip", if_none_match="*"))
    assert (status, body) == (206, b"")
    assert not {b"content-length", b"etag", b"content-encoding"} & headers.keys()


# Compression


@pytest.mark.parametrize("accept", ["gzip", "GZIP", "deflate, gzip;q=0.5", "*", "br;q=1.0, *;q=0.1", "gzip;q=0.001"])
def test_long_texts_are_compressed(accept: str) -> None:
    plain = sent(Response(BIG), ask())
    _, headers, body = sent(Response(BIG), ask(accept_encoding=accept))
    assert gzip.decompress(body) == plain[2]
    assert headers[b"content-encoding"] == b"gzip"
    assert headers[b"vary"].lower() == b"accept-encoding"
    assert headers[b"content-length"] == b"%d" % len(body)
    assert headers[b"etag"] == plain[1][b"etag"]
    assert len(body) < 200


@pytest.mark.parametrize(
    "accept", ["", "identity", "br", "gzip;q=0", "gzip; q=0.0", "*;q=0", "*, gzip;q=0", "gzip;q=0, *", "gzipx", "xgzip"]
)
def test_who_does_not_take_gzip_gets_plain_text_and_caches_know(accept: str) -> None:
    _, headers, body = sent(Response(BIG), ask(accept_encoding=accept))
    assert b"content-encoding" not in headers
    assert headers[b"vary"].lower() == b"accept-encoding"
    assert body == Response(BIG).body


def test_what_is_not_compressed() -> None:
    request = ask(accept_encoding="gzip")
    for response in (
        Response("a" * 1_024),
        Response(b"a" * 5_000),
        Response(b"a" * 5_000, headers={"Content-Type": "image/png"}),
        Response("a" * 5_000, headers={"Content-Encoding": "br"}),
        Response("a" * (1024 * 1024 + 1)),
        Response("a" * 5_000, headers={"Content-Type": "application/zip"}),
    ):
        _, headers, body = sent(response, request)
        assert headers.get(b"content-encoding") in (None, b"br")
        assert body == response.body
        assert b"vary" not in headers


def test_a_vary_of_the_step_is_completed() -> None:
    headers = sent(Response(BIG, headers={"Vary": "Origin"}), ask(accept_encoding="gzip"))[1]
    assert headers[b"vary"] == b"Origin, accept-encoding"


def test_repeated_weights_of_one_coding_the_last_counts() -> None:
    assert not accepts_gzip(b"gzip;q=1, gzip;q=0")


# Files


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.txt"
    path.write_bytes(CONTENT)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


async def fetch(path: Path, method: str = "GET", *, status: int = 200, media_type: str = "", **headers: str) -> Any:
    """Status, headers and body of a file sent over ASGI."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    request = Request(method, "/a", index=dict(raw))
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    response = FileResponse(path, status=status, media_type=media_type, headers={"Cache-Control": "no-cache"})
    for cookie in ("a=1", "b=2"):
        response.add_header("set-cookie", cookie)
    await send_file(response, request, send)
    start, *bodies = messages
    assert [value for name, value in start["headers"] if name == b"set-cookie"] == [b"a=1", b"b=2"]
    assert len(dict(start["headers"])) == len(start["headers"]) - 1
    assert not bodies[-1].get("more_body", False)
    return start["status"], dict(start["headers"]), b"".join(message["body"] for message in bodies)


async def test_a_whole_file(file: Path) -> None:
    status, headers, body = await fetch(file)
    assert (status, body) == (200, CONTENT)
    assert headers[b"content-type"] == b"text/plain; charset=utf-8"
    assert headers[b"content-length"] == b"102400"
    assert headers[b"last-modified"] == b"Tue, 14 Nov 2023 22:13:20 GMT"
    assert headers[b"accept-ranges"] == b"bytes"
    assert headers[b"cache-control"] == b"no-cache"
    assert headers[b"etag"].startswith(b'W/"')
    assert headers[b"x-content-type-options"] == b"nosniff"


async def test_the_head_of_a_file(file: Path) -> None:
    status, headers, body = await fetch(file, "HEAD", range="bytes=0-9")
    assert (status, body, headers[b"content-length"]) == (200, b"", b"102400")


async def test_types_of_files(file: Path) -> None:
    assert (await fetch(file, media_type="application/pdf"))[1][b"content-type"] == b"application/pdf"


@pytest.mark.parametrize("name", ["a.unknown-type", "none"])
async def test_files_of_unknown_types_are_bytes(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    assert (await fetch(tmp_path / name))[1][b"content-type"] == b"application/octet-stream"


@pytest.mark.parametrize(
    ("header", "span"),
    [("bytes=0-9", (0, 10)), ("bytes=-5", (102_395, 102_400)), ("bytes=102390-", (102_390, 102_400))],
)
async def test_one_range(file: Path, header: str, span: tuple[int, int]) -> None:
    status, headers, body = await fetch(file, range=header)
    assert (status, body) == (206, CONTENT[slice(*span)])
    assert headers[b"content-range"] == b"bytes %d-%d/102400" % (span[0], span[1] - 1)
    assert headers[b"content-length"] == b"%d" % len(body)


async def test_several_ranges(file: Path) -> None:
    status, headers, body = await fetch(file, range="bytes=0-1, 10-11")
    assert status == 206
    assert headers[b"content-type"].startswith(b"multipart/byteranges; boundary=")
    assert headers[b"content-length"] == b"%d" % len(body)
    assert body.count(b"Content-Range: bytes ") == 2


async def test_http_14_many_ranges_cost_nothing(file: Path) -> None:
    for ranges in (",".join(f"{number}-{number}" for number in range(11)), "0-," * 5_000 + "0-", "0-0," * 10_000):
        begin = time.process_time()
        status, _, body = await fetch(file, range=f"bytes={ranges}")
        assert (status, len(body)) == (200, 102_400)
        assert time.process_time() - begin <= 0.05


@pytest.mark.parametrize(
    "header",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=a-b",
        "lines=0-1",
        "bytes=0-1;x",
        "bytes=--1",
        "bytes=" + "9" * 30 + "-",
        "bytes=5-2",
        "bytes=-",
        "bytes=0-1,-",
        "bytes=0-1,5-2",
    ],
)
async def test_HTTP_14_ranges_that_cannot_be_read_are_ignored(file: Path, header: str) -> None:
    assert (await fetch(file, range=header))[0] == 200


async def test_http_13_a_range_outside_the_file_is_416_and_guarded(file: Path) -> None:
    status, headers, _ = await fetch(file, range="bytes=102400-")
    assert (status, headers[b"content-range"]) == (416, b"bytes */102400")
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"cache-control"] == b"no-cache"
    assert b"content-security-policy" in headers
    assert headers[b"cache-control"] == b"no-cache"  # as whatever else the answer would have had, CORS among it


async def test_a_client_that_has_the_file_gets_304(file: Path) -> None:
    etag = (await fetch(file))[1][b"etag"].decode()
    for headers in (
        {"if_none_match": etag},
        {"if_none_match": etag, "if_modified_since": "Mon, 01 Jan 2001 00:00:00 GMT"},
        {"if_none_match": etag, "range": "bytes=0-9"},
        {"if_modified_since": "Tue, 14 Nov 2023 22:13:20 GMT"},
    ):
        for method in ("GET", "HEAD"):
            status, sent_headers, body = await fetch(file, method, **headers)
            assert (status, body) == (304, b"")
            assert sent_headers[b"etag"] == etag.encode()
            assert not {b"content-length", b"content-type"} & sent_headers.keys()


@pytest.mark.parametrize(
    "headers",
    [
        {"if_none_match": '"other"'},
        {"if_modified_since": "Mon, 01 Jan 2001 00:00:00 GMT"},
        {"if_modified_since": "yesterday"},
        {"if_none_match": '"other"', "if_modified_since": "Tue, 14 Nov 2023 22:13:20 GMT"},
    ],
)
async def test_a_client_with_an_older_file_gets_the_new_one(file: Path, headers: dict[str, str]) -> None:
    assert (await fetch(file, **headers))[0] == 200


async def test_the_file_of_an_error_is_sent_whatever_the_client_has(file: Path) -> None:
    """RFC 9110, 13.2.1: conditions are for answers that would be 2xx without them."""
    for headers in (
        {"if_none_match": "*"},
        {"if_modified_since": "Tue, 14 Nov 2023 22:13:20 GMT"},
        {"range": "bytes=0-9"},
    ):
        status, _, body = await fetch(file, status=404, **headers)
        assert (status, len(body)) == (404, 102_400)


async def test_an_answer_to_a_write_may_be_a_file(file: Path) -> None:
    status, _, body = await fetch(file, "POST", if_none_match="*", range="bytes=0-9")
    assert (status, len(body)) == (200, 102_400)


async def test_a_file_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing", tmp_path, tmp_path / "a\0b"):
        with pytest.raises(NotFound):
            await fetch(path)
