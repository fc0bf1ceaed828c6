"""Who may sign: secrets and devices as this worker knows them, with their keys opened.

In: an application. Out: one `Access` for its life. Caches are bounded in age (`aged_cache.py`), so that a disabled
device or secret is refused everywhere within five seconds.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final
from weakref import WeakKeyDictionary

from core import AppContext, RateLimit
from generic.config.settings import AccessSettings
from generic.libs.aged_cache import AgedCache
from generic.libs.device_keys import ends_at
from generic.libs.instants import as_time
from generic.libs.sealing import Sealer, is_sealed, make_sealer
from generic.models.device import Device
from generic.models.secret import SharedSecret

_log = logging.getLogger("catena.access")
ANY_GROUP: Final = "*"
#: that a device is used is noted once a day
NOTED_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class KnownSecret:
    """A secret of version 1.0, opened. `groups` in lower case; `expires` as seconds, or infinite."""

    text: str
    groups: frozenset[str]
    enabled: bool
    expires: float


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key of a device, opened; usable until `expires` (seconds, or infinite)."""

    key: bytes
    groups: frozenset[str]
    disabled: bool
    expires: float


@dataclass(slots=True)
class KnownDevice:
    """A device, its keys by id, its own rate limit, and until when (seconds) its use is noted."""

    device: Device
    keys: Mapping[str, KnownKey]
    limit: RateLimit | None = None
    noted_until: float = 0.0

    def __post_init__(self) -> None:
        own, used_at = self.device.rate_limit, as_time(self.device.last_modified)
        if own is not None and (own.interval or 0) > 0 and (own.max_requests or 0) >= 1:
            self.limit = RateLimit(int(own.max_requests or 0), (own.interval or 0) * 60)
        if used_at is not None and self.device.status == "active":
            self.noted_until = used_at.timestamp() + NOTED_S


class Access:
    """The secrets and devices of one worker."""

    def __init__(self, app: AppContext) -> None:
        self._app = app
        self._settings = app.settings[AccessSettings]
        self.secrets = AgedCache(self._read_secret)
        self.devices = AgedCache(self._read_device)
        self.static_keys = AgedCache(self._read_static)
        self._renewed = AgedCache(self._read_again, age_s=0)

    @cached_property
    def sealer(self) -> Sealer:
        """Seals and opens keys at rest."""
        return make_sealer(self._settings.sealing_secret, self._app.mode)

    async def find_signer(self, device_id: str, key_id: str) -> KnownDevice | None:
        """The device, with this key where it has it: one issued a moment ago, on another server, is looked for."""
        known = self.devices.peek(device_id) or await self.devices.get(device_id)
        if known is None or key_id in known.keys:
            return known
        return await self._renewed.get(f"{device_id}.{key_id}") or known

    async def _read_again(self, name: str) -> KnownDevice | None:
        """The device, where it has the key meanwhile; what is not found is remembered for a moment."""
        device_id, _, key_id = name.partition(".")
        known = await self.devices.renew(device_id)
        return known if known is not None and key_id in known.keys else None

    async def _read_secret(self, secret_id: str) -> KnownSecret | None:
        found = await self._app.db[SharedSecret].get_by("id", secret_id)
        text = None if found is None else self._open(found.secret, found.id)
        if found is None or text is None:
            return None
        groups = frozenset(group.lower() for group in found.groups or ())
        return KnownSecret(text, groups, found.enabled is not False, _seconds(found.expires))

    async def _read_device(self, device_id: str) -> KnownDevice | None:
        found = await self._app.db[Device].get_by("id", device_id)
        return None if found is None else KnownDevice(found, self._open_keys(found))

    async def _read_static(self, key: str) -> KnownDevice | None:
        found = await self._app.db[Device].find_one({"access.key": key})
        return None if found is None else KnownDevice(found, {})

    def _open_keys(self, device: Device) -> dict[str, KnownKey]:
        stored = device.keys or []
        overlap = timedelta(seconds=self._settings.key_overlap_s)
        keys = {}
        for at, key in enumerate(stored):
            text = self._open(key.sealed, f"{device.id}.{key.id}")
            if text is not None:
                ends = _seconds(ends_at(stored, at, overlap))
                keys[key.id] = KnownKey(bytes.fromhex(text), frozenset(key.groups), key.disabled, ends)
        return keys

    def _open(self, stored: str, owner: str) -> str | None:
        """The text; `None`, and a line in the log, where this installation cannot open it."""
        text = self.sealer.open(stored, owner) if is_sealed(stored) else stored
        if text is None:
            _log.error("the key of %s cannot be opened", owner.partition(".")[0], extra={"action": "access.sealed"})
        return text


def _seconds(at: datetime | None) -> float:
    return float("inf") if at is None else at.timestamp()


_accesses: WeakKeyDictionary[AppContext, Access] = WeakKeyDictionary()


def access_of(app: AppContext) -> Access:
    """The one `Access` of an application."""
    found = _accesses.get(app)
    if found is None:
        found = _accesses[app] = Access(app)
    return found


def opens_group(groups: frozenset[str] | set[str], group: str) -> bool:
    """Whether one of the groups is that of the route; none opens none."""
    return group.lower() in groups or ANY_GROUP in groups
