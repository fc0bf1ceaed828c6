"""Rate limits: whether a client may go on, before a byte of its body is read.

In: the limits of a route and the client's address. Out: headers for the answer, or 429. Counted where
`data/counters.py` counts; requests of one client that arrive together are one question. Where the counters are
out of reach each process keeps its share of the limit: a limit never disappears with the database.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from contextvars import Context as EmptyContext
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv6Address
from math import ceil
from typing import Final, NamedTuple

from core.data.counters import Count, Counters, MemoryCounters
from core.errors import StoreError, TooManyRequests
from core.link.linked import LinkedLimit
from core.serve.client import parse_address
from core.serve.encoding import RawHeader
from core.settings import RateLimit

_log = logging.getLogger("catena.limits")
_ANSWER_S: Final = 0.25
_PAUSE_S: Final = 1.0
_SOON_S: Final = 0.001  # a refusal lasts, or its waiters would ask for ever
_NOTHING: Final = Count(0, 0, 0)
_GRANTS_MAX: Final = 20_000  # what is known without asking may be forgotten, never what was counted
_LARGE: Final = 500  # from here on a process takes requests in blocks, a fiftieth of its share each


class Verdict(NamedTuple):
    """Whether a request may go on, how many more may, and in how many seconds that will be more again."""

    allowed: bool
    limit: RateLimit
    remaining: int
    reset_s: float

    def headers(self, name: str) -> dict[str, str]:
        """Headers that tell of it, Retry-After where it was refused."""
        found = [*_write_headers(name, self.limit, self.remaining, self.reset_s)]
        found += [] if self.allowed else [(b"retry-after", b"%d" % max(1, ceil(self.reset_s)))]
        return {key.decode(): value.decode() for key, value in found}


class _Grants:
    """What this process may still let through for one key, or until when it refuses by itself."""

    __slots__ = ("asking", "count", "left", "refused_until", "resets_at", "until", "wanted")

    def __init__(self) -> None:
        self.asking: asyncio.Task[None] | None = None
        self.count = _NOTHING
        self.left = self.wanted = 0
        self.until = self.refused_until = self.resets_at = 0.0


class Limiter:
    """The limits of one worker; `refused` counts requests over one.

    Args:
        counters: where they are counted; by default in this process.
        processes: how many workers share a server, for blocks and for the time without counters.
        clock: seconds that never go back.
    """

    def __init__(
        self, counters: Counters | None = None, *, processes: int = 1, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._alone = MemoryCounters(clock)
        self._counters = counters or self._alone
        self._processes = processes
        self._clock = clock
        self._grants: dict[str, _Grants] = {}
        self._paused_until = float("-inf")
        self.refused = 0

    async def admit(self, limits: Iterable[LinkedLimit], address: str) -> list[RawHeader]:
        """Count a request against every limit of its route; gives the headers that tell of the tightest.

        Raises:
            TooManyRequests: one of them is exhausted.
        """
        client, now = client_key(address), self._clock()
        tightest: tuple[int, float, LinkedLimit] | None = None
        for limit in limits:
            grants = self._grants.get(key := f"{limit.scope} {client}")
            if grants is not None and grants.left > 1 and now < grants.until:  # as `take` does, which costs more
                grants.left -= 1
                left, reset_s = grants.left + grants.count.left, grants.resets_at - now
            else:
                verdict = await self.take(key, limit.limit)
                if not verdict.allowed:
                    raise TooManyRequests(headers=verdict.headers(limit.name))
                left, reset_s = verdict.remaining, verdict.reset_s
            if tightest is None or left < tightest[0]:
                tightest = left, reset_s, limit
        return _write_headers(tightest[2].name, tightest[2].limit, *tightest[:2]) if tightest else []

    async def take(self, key: str, limit: RateLimit) -> Verdict:
        """Count one request of a key; it is granted at most `limit.requests` in `limit.per_s` seconds."""
        grants = self._grants.get(key) or self._open(key)
        while True:
            now = self._clock()
            if grants.left and now < grants.until:
                grants.left -= 1
                if not grants.left and now >= grants.refused_until and grants.asking is None:
                    self._grants.pop(key, None)  # says nothing any more
                return Verdict(True, limit, grants.left + grants.count.left, max(0.0, grants.resets_at - now))
            if now < grants.refused_until:
                self.refused += 1
                return Verdict(False, limit, 0, max(0.0, grants.resets_at - now))
            grants.wanted += 1
            if grants.asking is None:
                # Clean context: asked for everybody who waits, not under the deadline of the first one.
                asking = self._ask(key, grants, limit)
                grants.asking = asyncio.get_running_loop().create_task(asking, context=EmptyContext())
            await asyncio.shield(grants.asking)

    def _open(self, key: str) -> _Grants:
        if len(self._grants) >= _GRANTS_MAX:
            now = self._clock()
            useful = {
                name: one for name, one in self._grants.items() if one.asking or max(one.until, one.refused_until) > now
            }
            self._grants = useful if len(useful) < _GRANTS_MAX // 2 else {}
        grants = self._grants[key] = _Grants()
        return grants

    async def _ask(self, key: str, grants: _Grants, limit: RateLimit) -> None:
        """Take what the waiting ones need, or a block of a large limit."""
        block = limit.requests // (50 * self._processes) if limit.requests >= _LARGE else 1
        wanted = max(block, grants.wanted)
        try:
            count = await self._take(key, limit, wanted)
            now = self._clock()
            grants.count, grants.left = count, count.granted
            grants.until = now + limit.per_s
            grants.resets_at = now + count.reset_s
            if count.granted < wanted:
                grants.refused_until = now + max(_SOON_S, count.reset_s)
        finally:
            grants.asking, grants.wanted = None, 0  # whoever waits still wakes up now, and asks for itself

    async def _take(self, key: str, limit: RateLimit, wanted: int) -> Count:
        now = self._clock()
        if now >= self._paused_until:
            stored = blake2b(key.encode("utf-8", "replace"), digest_size=20).hexdigest()
            try:
                async with asyncio.timeout(_ANSWER_S):
                    return await self._counters.take(stored, limit.requests, limit.per_s, wanted)
            except (StoreError, TimeoutError) as error:
                self._paused_until = now + _PAUSE_S
                extra, reason = {"action": "limits.alone"}, str(error) or "no answer"
                _log.warning("rate limits are counted by each process alone: %s", reason, extra=extra)
        share = max(1, limit.requests // self._processes)
        return await self._alone.take(key, share, limit.per_s, min(wanted, share))


def _write_headers(name: str, limit: RateLimit, remaining: int, reset_s: float) -> list[RawHeader]:
    """Headers of mia.js, and those of draft-ietf-httpapi-ratelimit-headers."""
    left, reset = str(remaining), str(max(0, ceil(reset_s)))
    first, policy = _write_fixed(name, limit.requests, limit.per_s)
    both = f'"{name}";r={left};t={reset}'.encode()
    return [
        first, (b"x-rate-limit-remaining", left.encode()), (b"x-rate-limit-reset", reset.encode()),
        policy, (b"ratelimit", both),
    ]  # fmt: skip


@lru_cache(maxsize=1024)
def _write_fixed(name: str, requests: int, per_s: float) -> tuple[RawHeader, RawHeader]:
    policy = f'"{name}";q={requests};w={max(1, round(per_s))}'
    return (b"x-rate-limit-limit", b"%d" % requests), (b"ratelimit-policy", policy.encode())


@lru_cache(maxsize=4096)
def client_key(address: str) -> str:
    """Who an address stands for: itself, or the /64 network of an IPv6 one, whose owner may use all of it."""
    ip = parse_address(address)
    return f"{ip.exploded[:19]}::/64" if isinstance(ip, IPv6Address) else str(ip or address)
