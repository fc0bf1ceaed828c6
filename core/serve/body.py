"""The body of a request as a value, by the type that the route declares.

In: a `Request`, the route's `Body` and the limits. Out: a dict, list, text or bytes; `Request.raw` keeps the
bytes. A body that the route does not read is 415 (decision 0009); no body is an empty object. Before it:
`limits.py`; after it: the checks of `schema/`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, Protocol

from core.errors import BadRequest, UnsupportedMediaType
from core.serve.request import Request, read_body
from core.serve.values import parse_json, parse_urlencoded
from core.settings import Limits

_UTF8: Final = frozenset({"", "utf-8", "utf8", "us-ascii"})


class BodyRule(Protocol):
    """What a route says about its body; `Body` of `declare/route.py`, which stands on the same level."""

    @property
    def type(self) -> str:
        """One of `BodyType`."""

    @property
    def limit_bytes(self) -> int:
        """Longest body."""


async def read_body_value(request: Request, body: BodyRule, limits: Limits) -> Any:
    """The body of a request.

    Returns:
        json: dict or list. urlencoded: dict. text: str. raw: bytes, of whatever content type. none: an empty
        dict, and nothing is read. Without a body json and urlencoded give an empty dict.

    Raises:
        PayloadTooLarge: the body is over `body.limit_bytes`.
        UnsupportedMediaType: another content type, charset or content coding; multipart bodies.
        BadRequest: content that breaks the rules of `values.py`, or text that is not UTF-8.
    """
    kind = body.type
    if kind == "none":
        return {}
    raw = await read_body(request, body.limit_bytes)
    if kind == "raw":
        return raw
    if not raw:
        return "" if kind == "text" else {}
    if request.index.get(b"content-encoding", b"identity").lower() != b"identity":
        raise UnsupportedMediaType(msg="Compressed bodies are not read here.")
    if _classify(request.index.get(b"content-type", b"")) != kind:
        raise UnsupportedMediaType(msg=f"The content type of the body does not suit this route ({kind}).")
    if kind == "json":
        return parse_json(raw, limits)
    if kind == "urlencoded":
        return parse_urlencoded(raw, limits)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest(msg="The body is not valid UTF-8.") from None


@lru_cache(maxsize=256)
def _classify(content_type: bytes) -> str:
    """`json`, `urlencoded` or `text` for a Content-Type that can be read; else an empty text."""
    media_type, *parameters = content_type.decode("latin-1").lower().split(";")
    for parameter in parameters:
        name, _, value = parameter.strip().partition("=")
        if name == "charset" and value.strip('"') not in _UTF8:
            return ""
    media_type = media_type.strip()
    if media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json")):
        return "json"
    return {"application/x-www-form-urlencoded": "urlencoded", "text/plain": "text"}.get(media_type, "")
