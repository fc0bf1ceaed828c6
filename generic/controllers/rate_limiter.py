"""A rate limit for a key of the author's choice, where an address does not say enough."""

from __future__ import annotations

from core import Context, Controller, RateLimit, TooManyRequests
from generic.libs.limited_key import LimitedKey
from generic.libs.refusal import GROUP

rate_limiter = Controller("generic-rateLimiter", version="1.0", group="generic")


@rate_limiter.all(responses={429: "RateLimitExceededForKey"})
async def limit_key(ctx: Context, *, limited: LimitedKey | None) -> None:
    """Counts the key that an earlier step provides (`provides=LimitedKey`); without one everybody passes.

    Source: mia.js `generic-rateLimiter`, whose key stood in `req.miajs.rateLimit`.
    """
    if limited is None:
        return
    verdict = await ctx.app.limits.take(f"key {limited.key}", RateLimit(limited.requests, limited.per_s))
    if not verdict.allowed:
        code = "RateLimitExceededForKey"
        raise TooManyRequests(code, ctx.t(GROUP, code), headers=verdict.headers("key"))
    ctx.headers.update(verdict.headers("key"))
