"""Passthrough: the request goes to an upstream, its answer comes back, both while they arrive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from core import BadGateway, Context, Controller, Params, Response, Stream, StreamResponse, factory, rule
from generic.libs.forwarding import Identity, answer_headers, request_headers, returned_location

passthrough = Controller("generic-passthrough", version="1.0", group="generic")


class Forwarding(Params):
    """Options: which upstream, which path of it, and what goes on that is withheld otherwise."""

    upstream: Annotated[str, rule("Identity of the upstream")]
    path: Annotated[str, rule("Path there: `/v2/:id/*` as in routes; without it the `*` of this route, else none")] = ""
    forward: Annotated[list[str], rule("Withheld request headers to send", convert="lower")] = factory(list[str])
    return_: Annotated[list[str], rule("Withheld answer headers to return", convert="lower", name="return")] = factory(
        list[str]
    )
    errors: Annotated[Literal["replace", "pass"], rule("Whether answers of 500 and more become our 502")] = "replace"
    body_s: Annotated[float, rule("Seconds that the body of an answer may take", min=0.001)] = 300

    def check_options(self, upstreams: Sequence[str]) -> str:
        """What is wrong with the whole, for the linker."""
        known = ", ".join(upstreams) or "none"
        return "" if self.upstream in upstreams else f"unknown upstream '{self.upstream}' (declared: {known})"


@passthrough.all(responses={502: "BadGateway", 503: "ServiceUnavailable", 504: "GatewayTimeout"})
async def pass_through(ctx: Context, *, body: Stream, options: Forwarding, identity: Identity | None) -> Response:
    """Sends method, query, headers and body on, and returns what comes back; nothing is buffered or repeated."""
    request, client = ctx.request, ctx.http[options.upstream]
    path = options.path or ("/*" if "rest" in request.path_values else "")
    query = request.query_string.decode("latin-1")
    has_body = request.header("content-length") not in {None, "0"} or request.header("transfer-encoding") is not None
    reply = await client.stream(
        request.method,
        f"{path}?{query}" if query else path,
        path=request.path_values,
        headers=request_headers(ctx, options.forward, identity),
        content=body if has_body else None,
        body_s=options.body_s,
    )
    if reply.status >= 500 and options.errors == "replace":
        await reply.aclose()
        raise BadGateway
    answer = StreamResponse(reply, reply.status)
    # A page of the upstream needs no policy of ours; it may bring its own.
    answer.raw_headers = [header for header in answer.raw_headers if header[0] == b"x-content-type-options"]
    for name, value in answer_headers(reply.headers, options.return_):
        located = returned_location(value, reply.url, ctx) if name == "location" else value
        try:
            answer.add_header(name, located)
        except ValueError:
            raise BadGateway from None
    return answer
