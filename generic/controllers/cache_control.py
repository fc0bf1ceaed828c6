"""How long an answer may be kept by browsers and proxies."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated

from core import Context, Controller, HTTPError, Params, Response, rule

cache_control = Controller("generic-cachingCacheControl", version="1.0", group="generic")


#: the answers to these depend on who asks: kept for others, one client's mistake would be everybody's answer
_PERSONAL = frozenset({401, 403, 429})


class Caching(Params):
    """Options; without them the answer is as fresh as the value it was made from says."""

    max_age_s: Annotated[int | None, rule("Seconds, instead of ctx.cache_time_s", min=0, nullable=False)] = None
    private: Annotated[bool, rule("Only the client's own cache may keep it, as on every route that is protected")] = (
        False
    )

    def header(self, ctx: Context) -> str:
        """The value of `Cache-Control`; shared caches do not know the headers that prove who asks."""
        seconds = ctx.cache_time_s if self.max_age_s is None else self.max_age_s
        return f"{'private' if self.private or ctx.route.authorization else 'public'}, max-age={seconds}"


@cache_control.all
async def set_cache_control(ctx: Context, *, options: Caching) -> AsyncGenerator[None, Response]:
    """Sets the header on the finished answer, wherever it stands in the chain; never on an error."""
    yield None
    ctx.headers["Cache-Control"] = options.header(ctx)


@cache_control.action("error")
async def set_error_cache_control(ctx: Context, *, error: HTTPError, options: Caching) -> None:
    """The same for errors, as `errors=[use("generic-cachingCacheControl", "1.0", "error")]`; hands them on.

    What failed on the server's side may succeed a moment later, and what is refused to one is not to another: no
    cache keeps these.
    """
    is_kept = error.status < 500 and error.status not in _PERSONAL
    ctx.headers["Cache-Control"] = options.header(ctx) if is_kept else "no-store"
