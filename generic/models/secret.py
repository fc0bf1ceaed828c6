"""A secret that apps sign with in version 1.0; what the clients of a group share.

Stored as mia.js stored it; one made here is sealed (`libs/sealing.py`), one that mia.js made is read as it is.
Source: mia.js 5.3. Never logged, never listed: `secret create` shows it once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from core import Model, factory, now, rule


class SharedSecret(Model, identity="generic-secretModel", version="1.0", collection="secrets"):
    """A shared secret: `id` is public, `secret` is not; it opens routes of its `groups` (lower case)."""

    id: Annotated[str, rule("32 hex digits", match=r"^[0-9a-f]{32}\Z", unique=True)]
    secret: Annotated[str, rule("Plain or sealed", min_length=32, max_length=256, unique=True, public=False)]
    groups: list[str]
    description: Annotated[str | None, rule(max_length=200, nullable=False)] = None
    enabled: bool = True
    created: datetime = factory(now)
    expires: Annotated[datetime | None, rule("Refused from then on", nullable=False)] = None
