"""The deprecated flow of clients older than signatures: access key → session → requests with the session.

Deprecated: nothing of a request is signed. Source: mia.js 5.4 with its defects mended (decision 0024): secrets that
are disabled open nothing, sessions expire, IPv6 works, nothing that should match is logged. Tokens are stored hashed.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import md5, sha256
from hmac import compare_digest
from typing import Annotated, Final

from core import Context, Controller, Params, rule
from generic.libs.access import access_of, opens_group
from generic.libs.addresses import is_within, network_of, parse_address
from generic.libs.instants import as_time, in_milliseconds
from generic.libs.refusal import forbidden
from generic.libs.verify import time_offset_ms
from generic.models.device import Device

access_service = Controller("generic-accessKeyService", version="1.0", group="generic")
generate = Controller("generic-generateSession", version="1.0", group="generic")
validate = Controller("generic-validateSession", version="1.0", group="generic")

SESSION_S: Final = 600
_NO_SECRET: Final = "0" * 32


@dataclass(frozen=True, slots=True)
class AccessGroups:
    """What an access key opens: the groups of its secret, for one device."""

    device_id: str
    groups: tuple[str, ...]


class AccessKeyHeader(Params):
    """The old access key."""

    key: Annotated[str, rule("MD5 of secret and device id, then the secret id", min_length=64, max_length=64)]


class DevicePath(Params):
    """For which device."""

    id: Annotated[str, rule("Id of the device", min_length=32, max_length=32)]


class SessionHeader(Params):
    """The session, and the client's clock."""

    session: Annotated[str, rule("Session id", min_length=64, max_length=64)]
    date: Annotated[datetime | None, rule("The client's clock", nullable=False)] = None


class NewSession(Params):
    """A session; shown this once."""

    sessionId: str  # noqa: N815  mia's name


@access_service.all(responses={403: ["AccessKeyInvalid", "AccessKeyInvalidGroup"]}, provides=AccessGroups)
async def check_access_key(ctx: Context, *, header: AccessKeyHeader, path: DevicePath) -> AccessGroups:
    """The groups that the old access key opens."""
    secret = await access_of(ctx.app).secrets.get(header.key[32:])
    text = f"{secret.text if secret is not None else _NO_SECRET}{path.id}"
    expected = md5(text.encode(), usedforsecurity=False).hexdigest().encode()
    matches = compare_digest(expected, header.key[:32].encode("latin-1", "replace").lower())
    if secret is None or not matches or not secret.enabled or secret.expires <= ctx.now().timestamp():
        raise forbidden(ctx, "AccessKeyInvalid", device_id=path.id)
    group = ctx.route.group.lower()
    if secret.groups and not opens_group(secret.groups, group):
        raise forbidden(ctx, "AccessKeyInvalidGroup", device_id=path.id)
    return AccessGroups(path.id, tuple(sorted(secret.groups)) or (group,))


@generate.all(responses={200: "Success", 403: ["DeviceIdInvalid", "NoIPDetermined", "TemporaryDisabled"]})
async def generate_session(ctx: Context, *, path: DevicePath, access: AccessGroups) -> NewSession:
    """A new session of the device, for ten minutes and the network it was asked from; the one before it ends."""
    address = parse_address(ctx.request.client_ip)
    if address is None:
        raise forbidden(ctx, "NoIPDetermined", device_id=path.id)
    token, at = secrets.token_hex(32), ctx.now()
    session = {
        "session.id": _hash(token),
        "session.created": at,
        "session.cidr": [network_of(address)],
        "session.groups": list(access.groups),
    }
    changes = {"$set": {**session, "lastModified": at, "status": "active"}}
    done = await ctx.db[Device].update_one({"id": access.device_id, "status": {"$ne": "disabled"}}, changes)
    if not done.matched:
        known = await ctx.db[Device].exists({"id": access.device_id})
        raise forbidden(ctx, "TemporaryDisabled" if known else "DeviceIdInvalid", device_id=path.id)
    return NewSession(sessionId=token)


@validate.all(
    responses={403: ["SessionTokenNotValid", "TemporaryDisabled", "SessionInvalidGroup", "IPNotAllowed"]},
    provides=Device,
    authorizes=True,
)
async def validate_session(ctx: Context, *, header: SessionHeader) -> Device:
    """The device whose session this is."""
    at = ctx.now()
    device = await ctx.db[Device].find_one({"session.id": _hash(header.session.lower())})
    session = device.session if device is not None else None
    if device is None or session is None or _is_over(session.created, at, expireable=session.expireable):
        raise forbidden(ctx, "SessionTokenNotValid")
    if device.status != "active":
        raise forbidden(ctx, "TemporaryDisabled", device_id=device.id)
    if not opens_group({group.lower() for group in session.groups or ()}, ctx.route.group):
        raise forbidden(ctx, "SessionInvalidGroup", device_id=device.id)
    address = parse_address(ctx.request.client_ip)
    if address is None:
        raise forbidden(ctx, "NoIPDetermined", device_id=device.id)
    if not is_within(address, session.cidr or ()):
        raise forbidden(ctx, "IPNotAllowed", device_id=device.id)
    ctx.store_culture(device.culture.language, device.culture.region)
    ctx.headers["timestamp"] = str(in_milliseconds(at))
    device.time_offset_ms = time_offset_ms(header.date, at)
    return device


def _is_over(created: object, at: datetime, *, expireable: bool) -> bool:
    """Whether a session has ended; the cron only tidies up behind this."""
    began = as_time(created)
    return expireable and (began is None or at - began > timedelta(seconds=SESSION_S))


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
