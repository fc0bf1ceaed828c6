"""Bodies by the type of the route, and the content types that it does not read."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import pytest

from core.errors import BadRequest, HTTPError, PayloadTooLarge, UnsupportedMediaType
from core.serve.body import read_body_value
from core.serve.request import Request
from core.settings import Limits

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


async def read(kind: Any, raw: bytes, content_type: str = "", limit_bytes: int = 1_000, **headers: str) -> Any:
    async def chunks() -> tuple[bytes, bool]:
        return raw, False

    index = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    if content_type:
        index[b"content-type"] = content_type.encode()
    request = Request("POST", "/a", chunks=chunks, index=index)
    value = await read_body_value(request, kind, limit_bytes, Limits(), {})
    assert request.raw == (b"" if kind in {"none", "multipart"} else raw)
    return value


READ: list[tuple[str, bytes, str, Any]] = [
    ("json", b'{"a":1}', JSON, {"a": 1}),
    ("json", b"[1]", "Application/JSON; charset=UTF-8", [1]),
    ("json", b"[1]", 'application/json;charset="utf-8"', [1]),
    ("json", b"[1]", "application/json; profile=x", [1]),
    ("json", b"[1]", "application/merge-patch+json", [1]),
    ("json", b"", JSON, {}),
    ("json", b"", "", {}),
    ("json", b"", "text/plain", {}),
    ("urlencoded", b"a=1&b[c]=2", FORM, {"a": "1", "b": {"c": "2"}}),
    ("urlencoded", b"", "", {}),
    ("text", "ä".encode(), "text/plain", "ä"),
    ("text", b"", "", ""),
    ("raw", b"\xff\0", "", b"\xff\0"),
    ("raw", b"{}", "image/png", b"{}"),
    ("raw", b"", "", b""),
    ("none", b"anything", "image/png", {}),
    ("multipart", b"", "", {}),
]


@pytest.mark.parametrize(("kind", "raw", "content_type", "expected"), READ)
async def test_bodies_that_are_read(kind: str, raw: bytes, content_type: str, expected: Any) -> None:
    assert await read(kind, raw, content_type) == expected


NOT_READ = [
    ("json", ""),
    ("json", "text/plain"),
    ("json", FORM),
    ("json", "multipart/form-data; boundary=x"),
    ("json", "application/json; charset=utf-16"),
    ("json", "application/json; charset=latin-1"),
    ("json", "application/json, text/plain"),
    ("json", "application/jsonp"),
    ("json", "text/json"),
    ("json", "image/x+json"),
    ("json", "\u00e4/json"),
    ("urlencoded", JSON),
    ("urlencoded", ""),
    ("text", JSON),
    ("text", "text/html"),
    ("text", "text/plain; charset=utf-16"),
    ("multipart", JSON),
    ("multipart", "multipart/form-data"),
    ("multipart", ""),
]


@pytest.mark.parametrize(("kind", "content_type"), NOT_READ)
async def test_http_9_a07_other_content_types_are_415(kind: str, content_type: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        await read(kind, b'{"a":1}', content_type)


async def test_VAL_8_compressed_bodies_are_inflated() -> None:
    assert await read("json", b"{}", JSON, content_encoding="Identity") == {}
    assert await read("raw", b"x", content_encoding="gzip") == b"x"
    assert await read("json", gzip.compress(b'{"a":1}'), JSON, content_encoding="GZIP") == {"a": 1}
    assert await read("urlencoded", zlib.compress(b"a=1"), FORM, content_encoding="deflate") == {"a": "1"}
    for coding in ("br", "gzip, identity", "zstd"):
        with pytest.raises(UnsupportedMediaType):
            await read("json", b"{}", JSON, content_encoding=coding)


async def test_a07_files_are_not_inflated() -> None:
    """Whatever stands between may have looked for files in what such a body inflates to."""
    form, raw = (
        "multipart/form-data; boundary=B",
        b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--B--\r\n',
    )
    assert await read("multipart", raw, form, content_encoding="Identity") == {"a": "x"}
    with pytest.raises(UnsupportedMediaType):
        await read("multipart", raw, form, content_encoding="gzip")


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"{}", BadRequest),
        (gzip.compress(b"{}")[:-1], BadRequest),
        (gzip.compress(b"{}") + b"x", BadRequest),
        (gzip.compress(b"{}") + gzip.compress(b"{}"), BadRequest),
        (gzip.compress(b" " * 1_001), PayloadTooLarge),
    ],
    ids=["no gzip", "cut", "followed", "two members", "too long"],
)
async def test_VAL_8_compressed_bodies_that_cannot_be_read(raw: bytes, error: type[HTTPError]) -> None:
    with pytest.raises(error):
        await read("json", raw, JSON, content_encoding="gzip")


async def test_VAL_8_a_bomb_grows_a_hundred_times_at_most() -> None:
    bomb = gzip.compress(b" " * 3_000_000, 9)
    with pytest.raises(PayloadTooLarge):
        await read("json", bomb, JSON, 10_000_000, content_encoding="gzip")


async def test_val_3_the_limit_of_the_route_holds_for_every_type() -> None:
    for kind in ("json", "urlencoded", "text", "raw", "multipart"):
        content_type = "multipart/form-data; boundary=x" if kind == "multipart" else ""
        with pytest.raises(PayloadTooLarge):
            await read(kind, b"x" * 11, content_type, limit_bytes=10)


@pytest.mark.parametrize(
    ("kind", "raw", "content_type"),
    [
        ("json", b"{", JSON),
        ("json", b"1", JSON),
        ("json", b'{"$ne":1}', JSON),
        ("urlencoded", b"a[$ne]=1", FORM),
        ("text", b"\xff", "text/plain"),
    ],
)
async def test_content_that_breaks_the_rules_is_400(kind: str, raw: bytes, content_type: str) -> None:
    with pytest.raises(BadRequest) as caught:
        await read(kind, raw, content_type)
    assert isinstance(caught.value, HTTPError)
    assert caught.value.msg
