"""What attackers want: accounts with fields that no client may set, and one that nobody may see."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from core import Model, factory, rule

Role = Literal["user", "admin"]


class Account(Model, identity="target-account", collection="target-accounts"):
    name: Annotated[str, rule("Name", unique=True, max_length=64)]
    role: Role = "user"
    group: str = "target"
    validated: bool = False
    etag: str = "first"
    secret: Annotated[str, rule("Never sent", public=False)] = "s3cret-of-the-house"
    notes: dict[str, Any] = factory(dict[str, Any])
