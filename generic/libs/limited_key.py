"""What `generic-rateLimiter` counts: a key that an earlier step provides."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LimitedKey:
    """At most `requests` in any `per_s` seconds for this key, an account or a phone number for example."""

    key: str
    requests: int
    per_s: float
