"""Secrets of version 1.0: made, listed, disabled, replaced. The commands call it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from core import AppContext, Collection, ConfigError
from generic.libs.access import access_of
from generic.models.secret import SharedSecret


async def _collection(app: AppContext) -> Collection[SharedSecret]:
    """The collection, with its indexes also where no server ran before."""
    await app.db.ensure_collections([SharedSecret])
    return app.db[SharedSecret]


async def create_secret(app: AppContext, groups: Sequence[str], description: str = "") -> tuple[str, str]:
    """Id and text of a new secret of 256 bits, stored sealed where the installation can seal."""
    secret_id, text, sealer = secrets.token_hex(16), secrets.token_hex(32), access_of(app).sealer
    stored = sealer.seal(text, secret_id) if sealer.can_seal else text
    values: dict[str, Any] = {"description": description} if description else {}
    secret = SharedSecret(id=secret_id, secret=stored, groups=list(groups), created=app.now(), **values)
    await (await _collection(app)).insert(secret)
    return secret_id, text


async def find_secrets(app: AppContext, groups: Sequence[str]) -> list[SharedSecret]:
    """The secrets of any of the groups, or all; in the order they were made."""
    filter = {"groups": {"$in": list(groups)}} if groups else {}
    return await (await _collection(app)).find(filter, sort=["created", "id"], limit=1000)


async def disable_secrets(app: AppContext, secret_id: str, groups: Sequence[str]) -> int:
    """Disable one, or all of some groups; how many there were."""
    filter: dict[str, Any] = {"id": secret_id} if secret_id else {"groups": {"$in": list(groups)}}
    return (await (await _collection(app)).update_many(filter, {"$set": {"enabled": False}})).matched


async def rotate_secrets(app: AppContext, groups: Sequence[str], overlap: timedelta) -> tuple[tuple[str, str], int]:
    """A new secret, and how many older ones of its groups end with the overlap.

    Raises:
        ConfigError: an older one opens other groups, too, whose clients would stand without any.
    """
    collection, ends = await _collection(app), app.now() + overlap
    older = [
        one for one in await find_secrets(app, groups) if one.enabled and (one.expires is None or one.expires > ends)
    ]
    others = sorted({group for one in older for group in one.groups} - {*groups})
    if others:
        raise ConfigError("secret rotate", f"older secrets open {', '.join(others)}, too: name these groups as well")
    created = await create_secret(app, groups)
    await collection.update_many({"id": {"$in": [one.id for one in older]}}, {"$set": {"expires": ends}})
    return created, len(older)
