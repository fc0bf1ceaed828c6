"""Bodies of every type under a signature, on the wire: each is covered, whatever reads it, in every form."""

from __future__ import annotations

import gzip
import secrets
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.test_signing_process import make_secret, register
from tests.server import Answer, Server, start_server
from tests.signing import VAULT, client

FORMS = ["v1", "v2", "message"]
JSON = b'{"name": "Buy MILK \xc3\x84"}'
FORM = b"a=1&b=%C3%84"
BOUNDARY = "Xy12"
FILES = (
    b'--Xy12\r\nContent-Disposition: form-data; name="note"\r\n\r\nBuy MILK\r\n'
    b'--Xy12\r\nContent-Disposition: form-data; name="file"; filename="A.bin"\r\n\r\n\x00\xff AbC\r\n--Xy12--\r\n'
)
LONG = FILES.replace(b"AbC", bytes(range(256)) * 1_000)


@dataclass(frozen=True)
class Sent:
    """A body as it is sent; `content` is what version 1.0 hashes in its place, and `seen` what the step sees of it."""

    path: str
    body: bytes
    kind: str = "application/json"
    coding: str = ""
    content: bytes | None = None
    seen: Any = None
    query: str = field(default_factory=lambda: f"?n={secrets.token_hex(8)}")  # 1.0 has no nonce

    def once_more(self) -> Sent:
        """The same body in another request."""
        return replace(self, query=f"?n={secrets.token_hex(8)}")


BODIES = {
    "JSON": Sent("/json", JSON, seen={"name": "Buy MILK \u00c4"}),
    "JSON, gzip": Sent("/json", gzip.compress(JSON), coding="gzip", content=JSON, seen={"name": "Buy MILK \u00c4"}),
    "JSON, deflate": Sent("/json", zlib.compress(JSON), coding="deflate", content=JSON, seen={"name": "Buy MILK \u00c4"}),
    "JSON, not compressed after all": Sent("/json", JSON, coding="identity", seen={"name": "Buy MILK \u00c4"}),
    "urlencoded": Sent("/form", FORM, "application/x-www-form-urlencoded", seen={"a": "1", "b": "\u00c4"}),
    "urlencoded, gzip": Sent("/form", gzip.compress(FORM), "application/x-www-form-urlencoded", "gzip", FORM, {"a": "1", "b": "\u00c4"}),
    "text": Sent("/text", "Z\u00fcRICH\n".encode(), "text/plain; charset=utf-8", seen="Z\u00fcRICH\n"),
    "text, gzip": Sent("/text", gzip.compress(b"Zurich"), "text/plain", "gzip", b"Zurich", "Zurich"),
    "raw": Sent("/raw", b"\x00\xff\xfe Binary", "application/octet-stream", seen=b"\x00\xff\xfe Binary".hex()),
    "raw, text": Sent("/raw", b"Some TEXT", "application/octet-stream", seen=b"Some TEXT".hex()),
    "raw, gzip": Sent("/raw", gzip.compress(JSON, mtime=0), coding="gzip", seen=gzip.compress(JSON, mtime=0).hex()),
    "raw, another coding": Sent("/raw", b"\x0b\x02\x80brotli", coding="br", seen=b"\x0b\x02\x80brotli".hex()),
    "multipart": Sent("/files", FILES, f"multipart/form-data; boundary={BOUNDARY}", seen=["Buy MILK", "A.bin", b"\x00\xff AbC".hex()]),
    "multipart, on disk": Sent("/files", LONG, f"multipart/form-data; boundary={BOUNDARY}"),
    "read by no step": Sent("/items", JSON),
    "read by no step, gzip": Sent("/items", gzip.compress(JSON), coding="gzip", content=JSON),
    "read by no step, of no type": Sent("/items", b"\xff\x00", "application/octet-stream"),
    "none": Sent("/items", b""),
}  # fmt: skip


@dataclass(frozen=True)
class Target:
    """A running vault, with a device and a secret that open it."""

    server: Server
    device: dict[str, Any]
    secret: dict[str, str]

    def sign(self, form: str, sent: Sent) -> dict[str, str]:
        """The headers of a valid request; `content-type` and `content-encoding` included."""
        who = self.device["id"], self.device["key"]["id"], self.device["key"]["key"]
        url, kind = f"{self.server.url}{self.path_of(form, sent)}", sent.kind if sent.body else ""
        headers = {"content-type": kind} if kind else {}
        if sent.coding:
            headers["content-encoding"] = sent.coding
        if form == "v1":
            return headers | {"key": self._sign_v1(url, sent)}
        if form == "v2":
            return headers | {"key": client.sign_v2(*who, "POST", url, sent.body, kind)}
        return headers | client.sign_message(*who, "POST", url, sent.body)

    def _sign_v1(self, url: str, sent: Sent) -> str:
        """As the page says: files are hashed as they are, like everything that is no text."""
        body = sent.body if sent.content is None else sent.content
        who = self.device["id"], self.secret["secret_id"], self.secret["secret"]
        try:
            if sent.path != "/files":
                return str(client.sign_v1(*who, "POST", url, body))
        except UnicodeDecodeError:
            pass
        empty = client.sign_v1(*who, "POST", url)
        text = (who[0] + who[2] + empty[64:74] + "POST" + url + sha256(body).hexdigest()).lower()
        return str(empty[:74] + sha256(text.encode()).hexdigest())

    def path_of(self, form: str, sent: Sent) -> str:
        return f"/{'v1' if form == 'v1' else 'v2'}{sent.path}{sent.query}"

    def post(self, form: str, sent: Sent, headers: dict[str, str], body: bytes | None = None) -> Answer:
        """The request, or one with another body under its headers."""
        given = {name.replace("-", "_"): value for name, value in headers.items()}
        return self.server.request("POST", self.path_of(form, sent), body=sent.body if body is None else body, **given)


@pytest.fixture(scope="module")
def target(mongo_url: str) -> Iterator[Target]:
    root = Path(tempfile.mkdtemp(prefix="catena-"))
    shutil.copytree(VAULT, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    url = mongo_url.replace("/?", "/signed_bodies?")
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, root, ignore_errors=True)
        secret = make_secret(root, url)
        server = stack.enter_context(start_server(root, CATENA_MONGO_URL=url))
        yield Target(server, register(server, "2"), secret)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("sent", BODIES.values(), ids=list(BODIES))
def test_SIG_6_a_body_of_any_type_is_covered(target: Target, form: str, sent: Sent) -> None:
    """One byte more, less or other is refused before a step sees it; the request itself is accepted to the end."""
    sent = sent.once_more()
    headers = target.sign(form, sent)
    flipped = sent.body[:-1] + bytes([sent.body[-1] ^ 1]) if sent.body else b"x"
    for body in {sent.body[:-1], sent.body + b" ", flipped, sent.body.replace(b"Bin", b"Bun"), b""} - {sent.body}:
        refused = target.post(form, sent, headers, body)
        readable = sent.path not in {"/json", "/form", "/text", "/files"} and not sent.coding
        assert refused.status == 401 or (refused.status == 400 and not readable), refused.body
    accepted = target.post(form, sent, headers)
    assert accepted.status == 200, accepted.body
    if sent.seen is not None:
        assert accepted.json()["response"]["body"] == sent.seen


@pytest.mark.parametrize("form", FORMS)
def test_SIG_6_files_cannot_be_exchanged(target: Target, form: str) -> None:
    """The body is well-formed in either case: only the signature tells."""
    sent = BODIES["multipart"].once_more()
    headers = target.sign(form, sent)
    for old, new in ((b"AbC", b"AbD"), (b"AbC", b"abc"), (b"A.bin", b"B.bin"), (b"Buy", b"Sell")):
        assert target.post(form, sent, headers, sent.body.replace(old, new)).status == 401
    unsigned = target.sign(form, replace(sent, body=b"")) | {"content-type": sent.kind}
    assert target.post(form, sent, unsigned).status == 401, "signed as if there were no body"
    assert target.post(form, sent, headers).status == 200


@pytest.mark.parametrize("form", FORMS)
def test_SIG_6_of_a_stream_nothing_is_known_so_it_is_refused(target: Target, form: str) -> None:
    sent = Sent("/stream", b"some bytes", "application/octet-stream")
    assert target.post(form, sent, target.sign(form, sent)).status == 401


def test_VAL_8_a_compressed_body_has_two_hashes(target: Target) -> None:
    """1.0 covers the content, as mia's clients sign it, 2.0 the bytes as they are sent; neither takes the other."""
    sent = BODIES["JSON, gzip"].once_more()
    assert target.post("v1", sent, target.sign("v1", replace(sent, content=sent.body))).status == 401
    assert target.post("v2", sent, target.sign("v2", replace(sent, body=JSON))).status == 401
    again = gzip.compress(JSON, 1, mtime=1)
    assert again != sent.body
    headers = target.sign("v1", sent)
    assert target.post("v1", sent, headers, again).status == 200, "compressed otherwise it is the same content"
    assert target.post("v1", sent, headers).status == 401, "and the same request"


def test_a_compressed_body_that_no_step_reads_is_bounded(target: Target) -> None:
    zeros = b"0" * 2_000_000
    bomb = Sent("/items", gzip.compress(zeros), coding="gzip", content=zeros)
    assert target.post("v1", bomb, target.sign("v1", bomb)).status == 413
