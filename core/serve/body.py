"""The body of a request as a value, by the type that the route declares.

In: a `Request` and the route's kind and limit. Out: a dict, list, text or bytes; `Request.raw` keeps the bytes.
A body that the route does not read is 415 (decision 0009). After it: the checks of `schema/`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from functools import lru_cache
from typing import Any, Final

from core.declare.route import Stream
from core.errors import BadRequest, PayloadTooLarge, UnsupportedMediaType
from core.serve.request import Request
from core.serve.values import parse_json, parse_urlencoded
from core.settings import Limits

_UTF8: Final = frozenset({"", "utf-8", "utf8", "us-ascii"})
_KINDS: Final = {"application/json": "json", "application/x-www-form-urlencoded": "urlencoded", "text/plain": "text"}


async def read_body_value(
    request: Request, kind: str, limit_bytes: int, limits: Limits, declared: Mapping[str, int]
) -> Any:
    """The body as dict or list, text or bytes; an empty dict where there is none. All but the request is the route's.

    Raises:
        PayloadTooLarge: the body is over `limit_bytes`.
        UnsupportedMediaType: another content type, charset or content coding.
        BadRequest: content that breaks the rules of `values.py`, or text that is not UTF-8.
    """
    if kind == "none":
        return {}
    if kind == "stream":
        return Stream(_limit(request, limit_bytes))
    if kind == "multipart":
        from core.serve.multipart import read_multipart  # its parser is loaded only where it is needed

        return await read_multipart(request, _limit(request, limit_bytes), limits, declared)
    raw = await read_body(request, limit_bytes)
    if kind == "raw":
        return raw
    if not raw:
        return "" if kind == "text" else {}
    if _classify(request.index.get(b"content-type", b"")) != kind:
        raise UnsupportedMediaType(msg=f"The content type of the body does not suit this route ({kind}).")
    if b"content-encoding" in request.index:
        raw = request.inflate(limit_bytes)
    if kind != "text":
        return (parse_json if kind == "json" else parse_urlencoded)(raw, limits, declared)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest(msg="The body is not valid UTF-8.") from None


async def _limit(request: Request, limit_bytes: int) -> AsyncIterator[bytes]:
    _check_size(_announced(request), limit_bytes)
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        _check_size(size, limit_bytes)
        yield chunk


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """The whole body, kept as `request.raw`; what is left of a refused one is discarded by the server.

    Raises:
        PayloadTooLarge: before a byte is read when `Content-Length` says so, else as soon as the sum does.
        BadRequest: `Content-Length` is no number.
        Disconnected: the client left.
    """
    _check_size(_announced(request), limit_bytes)
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        chunk, more = await request.chunks()
        size += len(chunk)
        _check_size(size, limit_bytes)
        pieces.append(chunk)
    request.complete, request.raw = True, b"".join(pieces)
    return request.raw


def _announced(request: Request) -> int:
    announced = request.index.get(b"content-length", b"0")
    if not announced.isdigit() or len(announced) > 18:
        raise BadRequest(msg="Content-Length is not a number.")
    return int(announced)


def _check_size(size: int, limit_bytes: int) -> None:
    if size > limit_bytes:
        raise PayloadTooLarge(msg=f"The body is longer than {limit_bytes} bytes.")


@lru_cache(maxsize=256)
def _classify(content_type: bytes) -> str:
    """`json`, `urlencoded` or `text` for a Content-Type that can be read; else an empty text."""
    media_type, *parameters = (part.strip() for part in content_type.decode("latin-1").lower().split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "charset" and value.strip('"') not in _UTF8:
            return ""
    if media_type.startswith("application/") and media_type.endswith("+json"):
        return "json"
    return _KINDS.get(media_type, "")
