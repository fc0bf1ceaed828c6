"""A device: an installation of an app that signs its requests, or a machine with a static key.

Stored as mia.js stored it (collection, names and indexes); `keys` is new. What clients may not choose is set by
controllers only. Source: mia.js 5.1; `exipires` is mia's spelling, and both spellings are honoured.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Annotated, Literal

from core import CIDR, Model, Params, factory, now, rule

_HEX_32 = r"^[0-9a-f]{32}\Z"
_VERSION = r"^[0-9]{1,3}(\.[0-9]{1,3}){0,3}\Z"

DeviceGroup = Literal["phone", "tablet", "tv", "desktop"]


class DeviceSession(Params):
    """Of the deprecated flow: `id` is the SHA-256 of the token that the client holds."""

    id: Annotated[
        str | None, rule(min_length=64, max_length=64, unique=True, sparse=True, nullable=False, public=False)
    ] = None
    cidr: Annotated[list[CIDR] | None, rule("Where it may be used from", index=True, nullable=False)] = None
    expireable: Annotated[bool, rule(index=True)] = True
    created: Annotated[datetime | None, rule(index=True, nullable=False)] = None
    groups: Annotated[list[str] | None, rule("Lower case", nullable=False)] = None


class DeviceLimit(Params):
    """A rate limit of its own, set in the database only."""

    interval: Annotated[float | None, rule("Minutes", nullable=False)] = None
    max_requests: Annotated[float | None, rule(name="maxRequests", nullable=False)] = None


class DeviceAccess(Params):
    """A static key: where it may be used from, for which groups, and until when."""

    key: Annotated[
        str | None,
        rule(min_length=32, max_length=32, unique=True, sparse=True, convert="lower", nullable=False, public=False),
    ] = None
    cidr: Annotated[list[CIDR] | None, rule("Mandatory for a static key", index=True, nullable=False)] = None
    blockcidr: Annotated[list[CIDR] | None, rule("Refused, whatever cidr says", index=True, nullable=False)] = None
    groups: Annotated[list[str] | None, rule("Lower case; `*` for every group", nullable=False)] = None
    exipires: Annotated[datetime | None, rule(index=True)] = None
    expires: Annotated[datetime | None, rule(nullable=False)] = None


class DeviceKey(Params):
    """A key for signatures of version 2.0, sealed at rest; `libs/device_keys.py` says how one replaces another."""

    id: Annotated[str, rule(match=_HEX_32)]
    sealed: Annotated[str, rule("The key, see libs/sealing.py", max_length=256, public=False)]
    groups: Annotated[list[str], rule("Lower case")]
    created: datetime
    disabled: bool = False


class DeviceCulture(Params):
    """Language and region, lower case."""

    language: Annotated[str, rule(min_length=2, max_length=2)] = "de"
    region: Annotated[str, rule(min_length=2, max_length=2)] = "de"


class NamedId(Params):
    """An id of the platform's."""

    id: Annotated[str | None, rule(min_length=5, max_length=50, nullable=False)] = None


class DeviceApp(Params):
    """The app on it."""

    id: Annotated[str | None, rule(min_length=1, max_length=50, nullable=False)] = None
    version: Annotated[str | None, rule(match=_VERSION, max_length=16, nullable=False)] = None
    vendor: Annotated[NamedId | None, rule(nullable=False)] = None
    advertiser: Annotated[NamedId | None, rule(nullable=False)] = None


class DeviceSystem(Params):
    """Its operating system."""

    type: Annotated[str | None, rule(min_length=2, max_length=50, nullable=False)] = None
    version: Annotated[str | None, rule(match=_VERSION, max_length=16, nullable=False)] = None


class DeviceCarrier(Params):
    """Its network."""

    type: Annotated[str | None, rule(min_length=1, max_length=50, nullable=False)] = None


class DeviceScreen(Params):
    """Source: mia.js stores the first number of a resolution as height and the second as width."""

    height: Annotated[int | None, rule(nullable=False)] = None
    width: Annotated[int | None, rule(nullable=False)] = None


class DeviceNotification(Params):
    """Where push messages go."""

    token: Annotated[str | None, rule(max_length=4096, nullable=False, public={"get": False})] = None
    environment: Literal["sandbox", "production"] = "production"


class DeviceHardware(Params):
    """What kind of device it is."""

    model: Annotated[str | None, rule(min_length=1, max_length=50, nullable=False)] = None
    group: Annotated[DeviceGroup | None, rule(nullable=False)] = None
    user_agent: Annotated[str | None, rule(name="userAgent", min_length=5, max_length=1024, nullable=False)] = None
    os: Annotated[DeviceSystem | None, rule(nullable=False)] = None
    carrier: Annotated[DeviceCarrier | None, rule(nullable=False)] = None
    screen: Annotated[DeviceScreen | None, rule(nullable=False)] = None
    notification: Annotated[DeviceNotification | None, rule(nullable=False)] = None


class DeviceUser(Params):
    """Who is logged in on it."""

    id: Annotated[str | None, rule(nullable=False)] = None
    token: Annotated[str | None, rule(nullable=False, public=False)] = None
    token_issue_date: Annotated[datetime | None, rule(name="tokenIssueDate", nullable=False)] = None


class Device(Model, identity="generic-deviceModel", version="1.0", collection="devices"):
    """A device. As a need of a step it is the one that the request was verified for; take it as read-only.

    Attributes:
        time_offset_ms: of the request that it was verified for: the client's clock (`requestdate`) minus ours.
        is_verified: whether a signature or key of this request was checked for it.
        is_itself: whether that was a key of its own; a secret of version 1.0 is shared by all devices of an app.
    """

    time_offset_ms = 0
    is_verified = False
    is_itself = False

    id: Annotated[str, rule("32 hex digits", match=_HEX_32, unique=True)] = factory(lambda: secrets.token_hex(16))
    status: Annotated[Literal["active", "inactive", "disabled"], rule(index=True)] = "inactive"
    created: datetime = factory(now)
    last_modified: Annotated[datetime, rule("Used last, to the day", name="lastModified", index=True)] = factory(now)
    session: Annotated[DeviceSession | None, rule(nullable=False)] = None
    rate_limit: Annotated[DeviceLimit | None, rule(name="rateLimit", nullable=False)] = None
    access: Annotated[DeviceAccess | None, rule(nullable=False)] = None
    keys: Annotated[list[DeviceKey] | None, rule("The last one is current", nullable=False)] = None
    culture: DeviceCulture = factory(DeviceCulture)
    app: Annotated[DeviceApp | None, rule(nullable=False)] = None
    device: Annotated[DeviceHardware | None, rule(nullable=False)] = None
    user: Annotated[DeviceUser | None, rule(nullable=False)] = None

    def lend(self, *, is_itself: bool) -> Device:
        """A copy for one request: its own fields are its own, what is nested is shared."""
        lent = self.__copy__()  # `copy` looks for it first, which takes longer
        lent.is_verified, lent.is_itself = True, is_itself
        return lent
