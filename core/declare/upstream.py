"""Upstreams: the servers that a project calls, by name.

In: `Upstream("weather", base_url="https://…")` in a project's `config/`. Out: a value that `link/jobs.py` checks
and `http/client.py` calls: `ctx.http["weather"].get("/forecast", query={"city": city})`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field

from core.settings import MIB, Secret
from core.source import Source, caller_source


@dataclass(frozen=True, slots=True)
class Breaker:
    """When an upstream is left alone: after `failures` in a row, or when half of at least 20 calls in 10 s failed.

    For `open_s` calls are refused (503), then one is tried.
    """

    failures: int = 5
    open_s: float = 10


@dataclass(frozen=True, eq=False)
class Upstream:
    """A server to call. Every value may be an `env(…)`.

    Attributes:
        base_url: scheme, host, port and first part of the path. Empty for whole URLs that come from elsewhere.
        timeout_s: bound of a call, its retry included; what is left of the request bounds it, too.
        breaker: when it is left alone; `None`: never.
        retries: second attempts of idempotent calls, within a budget of a tenth of the calls.
        concurrency: calls under way in a worker; what does not get a place in half a second is answered 503.
        redirects: how many are followed, 3 at most.
        response_bytes: bound of a body that is read whole, after inflating.
        headers: sent with every call, never to another host.
        allow_networks: CIDRs of addresses that are not public and may be called; the address in `base_url` may.
    """

    version = "1.0"

    identity: str
    _: KW_ONLY
    base_url: str = ""
    timeout_s: float = 10
    breaker: Breaker | None = field(default_factory=Breaker)
    retries: int = 1
    concurrency: int = 50
    redirects: int = 0
    response_bytes: int = 10 * MIB
    headers: Mapping[str, str | Secret] = field(default_factory=dict)
    allow_networks: Sequence[str] = ()
    disabled: bool = False
    source: Source = field(default_factory=lambda: caller_source(2), repr=False)
