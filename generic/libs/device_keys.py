"""The keys of devices for signatures of version 2.0: issued, replaced, revoked.

In: a device. Out: a key, shown once. A device has two keys at most: a new one pushes out the one before the last, and
the last goes on for the overlap of the settings, so that requests under way are not refused. One atomic update each.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

from core import Collection, Params, rule
from generic.libs.sealing import Sealer
from generic.models.device import Device, DeviceKey

_FIRST = timedelta(hours=1)


class IssuedKey(Params):
    """A key as its device gets it, once; `key` is 32 bytes in hex."""

    id: Annotated[str, rule("Id of the key")]
    key: Annotated[str, rule("The key, 32 bytes in hex: shown this once")]


def issue_key(device_id: str, group: str, at: datetime, sealer: Sealer) -> tuple[DeviceKey, IssuedKey]:
    """A new key as it is stored and as it is shown, for one group of routes."""
    issued = IssuedKey(id=secrets.token_hex(16), key=secrets.token_hex(32))
    sealed = sealer.seal(issued.key, f"{device_id}.{issued.id}")
    return DeviceKey(id=issued.id, sealed=sealed, groups=[group.lower()], created=at), issued


async def add_key(devices: Collection[Device], device_id: str, key: DeviceKey, *, is_itself: bool) -> bool:
    """Make it the current key; false where there is no such device, or where only a key of its own may ask for it.

    A secret of version 1.0 vouches for the first key, and for another one soon, as the answer may have been lost; later
    on whoever knows that secret could take over devices that have moved on.
    """
    query: dict[str, object] = {"id": device_id}
    if not is_itself:
        query |= {"keys.0.created": {"$not": {"$lte": key.created - _FIRST}}, "keys.1": {"$exists": False}}
    push = {"$push": {"keys": {"$each": [key], "$slice": -2}}}
    return (await devices.update_one(query, push)).matched > 0


async def revoke_key(devices: Collection[Device], device_id: str, key_id: str) -> bool:
    """Disable a key for good; false where there is none of that id."""
    change = {"$set": {"keys.$.disabled": True}}
    return (await devices.update_one({"id": device_id, "keys.id": key_id}, change)).matched > 0


def ends_at(keys: Sequence[DeviceKey], position: int, overlap: timedelta) -> datetime | None:
    """When the key at a position has been replaced for long enough; `None` for the current one."""
    return keys[position + 1].created + overlap if position + 1 < len(keys) else None
