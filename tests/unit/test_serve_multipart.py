"""Multipart bodies: what is read, in pieces of any size, and what is refused."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from core.errors import BadRequest, HTTPError, PayloadTooLarge
from core.schema.upload import Upload
from core.serve.body import read_body_value
from core.serve.multipart import FILES_MAX, TEXTS_MAX
from core.serve.request import Request
from core.settings import Limits

TYPE = b"multipart/form-data; boundary=xyz"


def part(name: str, content: bytes = b"1", more: str = "", headers: str = "") -> bytes:
    head = f'--xyz\r\nContent-Disposition: form-data; name="{name}"{more}\r\n{headers}\r\n'
    return head.encode() + content + b"\r\n"


def body(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--xyz--\r\n"


def make_request(raw: bytes, piece: int = 65_536) -> Request:
    pieces = [raw[index : index + piece] for index in range(0, len(raw), piece)] or [b""]

    async def chunks() -> tuple[bytes, bool]:
        return pieces.pop(0), bool(pieces)

    return Request("POST", "/", chunks=chunks, index={b"content-type": TYPE})


async def read(raw: bytes, limit_bytes: int = 1_000_000, piece: int = 65_536, **declared: int) -> dict[str, Any]:
    how = ("multipart", limit_bytes, Limits(), declared)
    value: dict[str, Any] = await read_body_value(make_request(raw, piece), *how)
    return value


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("..", ""),
        (".", ""),
        ("a/..", ""),
        (".\x01.", ""),
        ("..\\x\\..", ""),
        (".env", ".env"),
        ("a\x01.b", "a.b"),
        ("", ""),
    ],
)
async def test_g02_a_name_of_a_file_leads_nowhere(sent: str, name: str) -> None:
    kind = "Content-Type: text/html\x01\x7f" + "x" * 1_000 + "\r\n"
    upload = (await read(body(part("f", b"x", f'; filename="{sent}"', kind))))["f"]
    assert upload.filename == name
    assert upload.content_type == "text/html" + "x" * 246


@pytest.mark.parametrize("piece", [1, 65_536])
async def test_the_digest_of_the_bytes_is_kept_in_their_place(piece: int) -> None:
    raw = body(part("a", b"x"), part("picture", b"y" * 100, '; filename="a"'))
    request = make_request(raw, piece)
    await read_body_value(request, "multipart", 1_000_000, Limits(), {})
    assert (request.raw, request.digest) == (b"", sha256(raw).digest())


@pytest.mark.parametrize("piece", [1, 2, 7, 64, 65_536])
async def test_texts_and_files_in_pieces_of_any_size(piece: int) -> None:
    file = bytes(range(256)) * 20
    raw = body(
        part("name", "Jürgen".encode()),
        part("tag", b"a"),
        part("tag", b"b"),
        part("deep[a]", b"c"),
        part("picture", file, '; filename="C:\\fake/../a.png"', "Content-Type: image/png\r\n"),
        part("none", b"", '; filename=""', "Content-Type: application/octet-stream\r\n"),
    )
    value = await read(raw, piece=piece)
    picture = value.pop("picture")
    assert value == {"name": "Jürgen", "tag": ["a", "b"], "deep": {"a": "c"}}
    assert isinstance(picture, Upload)
    assert (picture.filename, picture.content_type, picture.size_bytes) == ("a.png", "image/png", len(file))
    assert await picture.read(10) == file[:10]
    assert await picture.read() == file[10:]


async def test_a_large_file_is_kept_on_disk_and_saved_once(tmp_path: Path) -> None:
    file = b"x" * 300_000
    upload = (await read(body(part("f", file, '; filename="f"'))))["f"]
    assert upload.file._rolled
    await upload.save(tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == file
    with pytest.raises(FileExistsError):
        await upload.save(tmp_path / "f")
    assert repr(upload) == "Upload('f', 300000 bytes)"


REFUSED: list[tuple[str, bytes, int, type[HTTPError]]] = [
    ("too long", body(part("a", b"x" * 1000)), 500, PayloadTooLarge),
    ("long text", body(part("a", b"x" * 65_537)), 1_000_000, PayloadTooLarge),
    ("many texts", body(*[part("a")] * (TEXTS_MAX + 1)), 1_000_000, PayloadTooLarge),
    ("many files", body(*[part("a", b"x", '; filename="f"')] * (FILES_MAX + 1)), 1_000_000, PayloadTooLarge),
    ("cut", body(part("a"))[:-6], 1_000, BadRequest),
    ("no boundary", b"hello", 1_000, BadRequest),
    ("no name", b"--xyz\r\nContent-Type: text/plain\r\n\r\n1\r\n--xyz--\r\n", 1_000, BadRequest),
    ("operator", body(part("$where")), 1_000, BadRequest),
    ("operator below", body(part("a[$ne]")), 1_000, BadRequest),
    ("prototype", body(part("__proto__")), 1_000, BadRequest),
    ("not utf-8", body(part("a", b"\xff")), 1_000, BadRequest),
    ("long header", body(part("a", b"1", "", f"X-A: {'x' * 9000}\r\n")), 100_000, BadRequest),
    ("many headers", body(part("a", b"1", "", "X-A: x\r\n" * 200)), 100_000, BadRequest),
]


@pytest.mark.parametrize(("raw", "limit_bytes", "error"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
async def test_VAL_8_what_is_refused(raw: bytes, limit_bytes: int, error: type[HTTPError]) -> None:
    with pytest.raises(error):
        await read(raw, limit_bytes)


@pytest.mark.parametrize("name", ["note", "note[]", "deep[note]"])
async def test_val_3_a_text_of_a_form_with_files_is_as_long_as_its_field_declares(name: str) -> None:
    long = b"x" * 70_000
    await read(body(part(name, long)), note=70_000)
    with pytest.raises(PayloadTooLarge):
        await read(body(part(name, long)), note=69_999)
    with pytest.raises(BadRequest):
        await read(body(part("other", long)), note=70_000)
