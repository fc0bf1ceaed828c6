"""The last step of an answer: ETag and 304, compression, length; and files, which Starlette sends.

In: a `Response` and its `Request`. Out: status, headers and body as they are sent. After it: `app.py`.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from core.serve.header import RawHeader
from core.serve.request import Request
from core.serve.response import FileResponse, Response

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]

_GZIP_FROM_BYTES: Final = 1024
_GZIP_LEVEL: Final = 5
_RANGES_MAX: Final = 10
_NO_BODY: Final = (204, 304)


def deliver(response: Response, request: Request) -> tuple[int, list[RawHeader], bytes]:
    """Status, headers and body of an answer; a client that has this version gets 304."""
    status, body, headers = response.status, response.body, response.raw_headers
    if status in _NO_BODY:
        return status, [header for header in headers if header[0] != b"content-type"], b""
    if status == 200 and body and response.header("etag") is None:
        etag = weak_etag(body)
        headers.append((b"etag", etag))
        known = request.index.get(b"if-none-match")
        if known is not None and request.method in {"GET", "HEAD"} and is_known(known, etag):
            return 304, [header for header in headers if header[0] != b"content-type"], b""
    if len(body) >= _GZIP_FROM_BYTES and response.header("content-encoding") is None:
        response.vary("accept-encoding")
        headers = response.raw_headers
        if accepts_gzip(request.index.get(b"accept-encoding", b"")):
            body = gzip.compress(body, _GZIP_LEVEL, mtime=0)
            headers.append((b"content-encoding", b"gzip"))
    headers.append((b"content-length", b"%d" % len(body)))
    return status, headers, body


def weak_etag(body: bytes) -> bytes:
    """A weak ETag: length and checksum."""
    return b'W/"%x-%x"' % (len(body), zlib.crc32(body))


def is_known(if_none_match: bytes, etag: bytes) -> bool:
    """Whether `If-None-Match` names this version; compared weakly."""
    tags = [tag.strip().removeprefix(b"W/") for tag in if_none_match.split(b",")]
    return tags == [b"*"] or etag.removeprefix(b"W/") in tags


def accepts_gzip(accept_encoding: bytes) -> bool:
    """Whether `Accept-Encoding` admits gzip; a weight of zero forbids it."""
    for part in accept_encoding.lower().split(b","):
        name, _, weight = part.partition(b";")
        if name.strip() in {b"gzip", b"*"}:
            return not weight or weight.strip().removeprefix(b"q=").strip(b"0.") != b""
    return False


async def send_file(response: FileResponse, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
    """Send a file with ETag, Last-Modified and ranges, or 304.

    Starlette reads and sends it. More than ten ranges in one request are ignored: the whole file is sent.
    """
    from starlette.responses import FileResponse as Sender  # loaded only where files are sent

    headers = {name.decode(): value.decode("latin-1") for name, value in response.raw_headers}
    stat = response.path.stat()
    sender = Sender(response.path, response.status, headers, response.media_type or None, stat_result=stat)
    known = request.index.get(b"if-none-match")
    if known is not None and is_known(known, sender.headers["etag"].encode()):
        kept = [(name, value) for name, value in sender.raw_headers if name not in {b"content-length", b"content-type"}]
        await send({"type": "http.response.start", "status": 304, "headers": kept})
        await send({"type": "http.response.body", "body": b""})
        return
    if request.index.get(b"range", b"").count(b",") >= _RANGES_MAX:
        scope = {**scope, "headers": [header for header in scope["headers"] if header[0] != b"range"]}
    await sender(scope, receive, send)
