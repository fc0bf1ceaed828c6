"""Times as they are stored: mia.js kept some as numbers of milliseconds. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def as_time(stored: Any) -> datetime | None:
    """A stored time, or `None` where it is none."""
    if isinstance(stored, datetime):
        return stored
    if isinstance(stored, int | float) and not isinstance(stored, bool) and 0 <= stored < 2**47:
        return datetime.fromtimestamp(stored / 1000, UTC)
    return None


def in_milliseconds(at: datetime) -> int:
    """A time as mia's clients read it."""
    return int(at.timestamp() * 1000)
