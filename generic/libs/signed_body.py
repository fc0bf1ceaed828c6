"""The body of a request as its signature covers it: the bytes as they were received.

Bodies that a step reads are there before the first step runs. Those that no step reads are read here, within the
limit of the route, so that nothing unsigned travels with a signed request. Of streams and files no bytes are kept.
"""

from __future__ import annotations

from core import Context, PayloadTooLarge


async def read_signed_body(ctx: Context) -> bytes | None:
    """The bytes, empty where there are none; `None` where they are not kept, so that no signature can cover them.

    Raises:
        PayloadTooLarge: it is over the limit of the route.
    """
    request, route = ctx.request, ctx.route
    if request.raw:
        return request.raw
    length = request.index.get(b"content-length", b"0")
    if length == b"0" and b"transfer-encoding" not in request.index:
        return b""
    if "body" in route.reads:
        streamed = any(section.schema_of == "stream" for section in route.sections if section.section == "body")
        return None if streamed or route.body.type == "multipart" else b""
    pieces, size, limit = [], 0, route.body.limit_bytes
    async for piece in request.stream():
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise PayloadTooLarge(msg=f"The body is longer than {limit} bytes.")
    request.raw = b"".join(pieces)
    return request.raw
