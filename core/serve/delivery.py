"""The last step of an answer: ETag and 304, compression, length; and files, which Starlette sends.

In: a `Response` and its `Request`. Out: status, headers and body as they are sent. After it: `app.py`.
"""

from __future__ import annotations

import asyncio
import re
import stat
import zlib
from functools import lru_cache
from typing import Final

from core.errors import NotFound
from core.serve.encoding import RawHeader
from core.serve.exchange import Message, Send
from core.serve.request import Request
from core.serve.response import FileResponse, Response, StreamResponse
from core.settings import MIB

# Measured: level 5 packs 1 MiB of JSON in about 5 ms. Longer bodies would hold up every other request.
_GZIP_FROM: Final = 1024
_COMPRESSIBLE: Final = re.compile(rb"text/|application/(?:[a-z.+-]*\+)?(?:json|xml|javascript)|image/svg\+xml")
_RANGES: Final = re.compile(rb"bytes=(?:(?:[0-9]{1,18}-[0-9]{0,18}|-[0-9]{1,18})(?: *, *(?!$)|$)){1,10}")


def deliver(response: Response, request: Request) -> tuple[int, list[RawHeader], bytes]:
    """Status, headers and body of an answer; for a stream the body is empty and no length is set.

    A 200 gets a weak ETag, unless a step set one; a GET or HEAD from a client that has this version becomes
    304. Texts above 1 KiB are compressed for clients that take gzip.
    """
    status, body, headers = response.status, response.body, response.raw_headers
    if status in {204, 304}:
        return status, _without_content(headers), b""
    if isinstance(response, StreamResponse):
        return status, headers, b""
    sent = dict(headers)
    if b"content-length" in sent:  # who copies the headers of an upstream has the length of another body
        response.raw_headers = headers = [item for item in headers if item[0] != b"content-length"]
    if status == 200 and body:
        etag = sent.get(b"etag", b"")
        if not etag:
            etag = weak_etag(body)
            headers.append((b"etag", etag))
        may_shrink = _GZIP_FROM < len(body) <= MIB and _is_compressible(sent)
        if may_shrink:
            response.vary("accept-encoding")  # caches learn it from a 304, too
            headers = response.raw_headers
        known = request.index.get(b"if-none-match")
        if known is not None and request.method in {"GET", "HEAD"} and is_known(known, etag):
            return 304, _without_content(headers), b""
        if may_shrink and accepts_gzip(request.index.get(b"accept-encoding", b"")):
            headers.append((b"content-encoding", b"gzip"))
            packer = zlib.compressobj(5, zlib.DEFLATED, 31)  # 31: as gzip
            body = packer.compress(body) + packer.flush()
    headers.append((b"content-length", b"%d" % len(body)))
    return status, headers, body


def weak_etag(body: bytes) -> bytes:
    """A weak ETag: length and checksum, the same in every process."""
    # Measured on 60 and 1,000 bytes: 0.3 and 0.5 µs; SHA-1 takes 0.5 and 1.0, BLAKE2b 0.5 and 1.4.
    return b'W/"%x-%x"' % (len(body), zlib.crc32(body))


def is_known(if_none_match: bytes, etag: bytes) -> bool:
    """Whether `If-None-Match` names this version; compared weakly."""
    tags = [tag.strip().removeprefix(b"W/") for tag in if_none_match.split(b",")]
    return tags == [b"*"] or etag.removeprefix(b"W/") in tags


@lru_cache(maxsize=256)
def accepts_gzip(accept_encoding: bytes) -> bool:
    """Whether `Accept-Encoding` admits gzip; a weight of zero forbids it, its own weight goes before that of `*`."""
    admitted: dict[bytes, bool] = {}
    for part in accept_encoding.lower().split(b","):
        name, _, weight = part.partition(b";")
        admitted[name.strip()] = not weight or weight.strip().removeprefix(b"q=").strip(b"0. ") != b""
    return admitted.get(b"gzip", admitted.get(b"*", False))


def _without_content(headers: list[RawHeader]) -> list[RawHeader]:
    return [header for header in headers if header[0] not in {b"content-type", b"content-length"}]


def _is_compressible(headers: dict[bytes, bytes]) -> bool:
    return b"content-encoding" not in headers and _COMPRESSIBLE.match(headers.get(b"content-type", b"")) is not None


async def send_file(response: FileResponse, request: Request, send: Send) -> None:
    """Send a file with ETag, Last-Modified and ranges, or 304. Starlette reads it, and makes ASGI messages of it.

    Raises:
        NotFound: there is no such regular file; nothing was sent.
    """
    from starlette.responses import FileResponse as Sender  # loaded only where files are sent

    try:
        found = await asyncio.to_thread(response.path.stat)
    except (OSError, ValueError):  # ValueError: NUL in the name
        raise NotFound from None
    if not stat.S_ISREG(found.st_mode):
        raise NotFound
    # A dict keeps one of several cookies: they are added when it is sent.
    headers = {name.decode(): value.decode("latin-1") for name, value in response.raw_headers if name != b"set-cookie"}
    etag = headers.setdefault("etag", f'W/"{found.st_size:x}-{found.st_mtime_ns:x}"')
    sender = Sender(response.path, response.status, headers, response.media_type or None, stat_result=found)

    async def send_guarded(message: Message) -> None:
        # Starlette's own answer to a range outside the file knows nothing of our headers.
        if message["type"] == "http.response.start":
            sent = dict(message["headers"])
            message["headers"] += [item for item in _without_content(response.raw_headers) if item[0] not in sent]
        await send(message)

    known, since = (request.index.get(name) for name in (b"if-none-match", b"if-modified-since"))
    date = sender.headers["last-modified"].encode()
    same = since == date if known is None else is_known(known, etag.encode("latin-1"))
    if same and response.status == 200 and request.method in {"GET", "HEAD"}:
        head = {"type": "http.response.start", "status": 304, "headers": _without_content(sender.raw_headers)}
        await send_guarded(head)
        await send({"type": "http.response.body", "body": b""})
        return
    asked = [*request.index.items()] if request.method == "GET" and _is_usable(request.index.get(b"range", b"")) else []
    scope = {"type": "http", "method": request.method, "headers": asked, "asgi": {"spec_version": "2.4"}}
    await sender(scope, asyncio.Future, send_guarded)  # nothing comes: who leaves is told by `send`


def _is_usable(ranges: bytes) -> bool:
    """Whether the ranges are served: more than ten, or what cannot be read, mean the whole file."""
    if not _RANGES.fullmatch(ranges):
        return False
    return all(int(first) <= int(last) for first, last in re.findall(rb"([0-9]+)-([0-9]+)", ranges))
