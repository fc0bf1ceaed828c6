"""The body of a request as its signature covers it.

In: a request. Out: its bytes as they were received, and their SHA-256. Bodies that a step reads are there before the
first step runs; those that no step reads are read here, within the limit of the route, so that nothing unsigned
travels with a signed request. Of files only the digest is known, of streams nothing.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final, NamedTuple

from core import Context, PayloadTooLarge
from generic.libs.signature_v1 import hash_body_v1


class SignedBody(NamedTuple):
    """A body: its bytes, where they are kept, and their SHA-256, where it is known already."""

    raw: bytes
    known: bytes = b""

    @property
    def digest(self) -> bytes:
        """The SHA-256."""
        return self.known or sha256(self.raw).digest()


NO_BODY: Final = SignedBody(b"", sha256().digest())
#: of a stream: no signature can cover it, so it counts as none
STREAMED: Final = SignedBody(b"", sha256().digest())
#: what the server inflates before a step sees it
_INFLATED: Final = frozenset({"json", "urlencoded", "text"})


async def read_signed_body(ctx: Context) -> SignedBody:
    """The body; `NO_BODY` where there is none, `STREAMED` where nothing is known of it.

    Raises:
        PayloadTooLarge: it is over the limit of the route.
    """
    request, headers = ctx.request, ctx.request.index
    if not request.raw:
        announced = headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers
        if not announced and request.http_version[:1] == "1":  # later versions need not announce a body
            return NO_BODY
        if request.digest:
            return SignedBody(b"", request.digest)
        if "body" in ctx.route.reads:
            return STREAMED if ctx.route.body.type == "stream" else NO_BODY
        request.raw = await _read(ctx)
    return SignedBody(request.raw) if request.raw else NO_BODY


async def _read(ctx: Context) -> bytes:
    pieces, size, limit = [], 0, ctx.route.body.limit_bytes
    async for piece in ctx.request.stream():
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise PayloadTooLarge(msg=f"The body is longer than {limit} bytes.")
    return b"".join(pieces)


def hash_signed_body_v1(ctx: Context, body: SignedBody) -> str:
    """What version 1.0 hashes of a body: its content, as mia.js saw it; files as they were received.

    Raises:
        HTTPError: it cannot be inflated.
    """
    if not body.raw:
        return "" if body is NO_BODY else body.digest.hex()
    route, content = ctx.route, body.raw
    if b"content-encoding" in ctx.request.index and route.body.type in _INFLATED:
        content = ctx.request.inflate(route.body.limit_bytes)
    return hash_body_v1(content)
