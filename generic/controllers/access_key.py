"""Signed requests: `before=[use("generic-validateAccessKey", …)]` protects every route of a file.

Version 1.0 is mia's; 2.0 is for new clients. A chain may name both during a migration: whichever stands first
then verifies either form of the header `key`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from core import Context, Controller, Params, rule
from generic.libs.instants import in_milliseconds
from generic.libs.refusal import unauthorized
from generic.libs.signature_v2 import KEY_V2_LENGTH
from generic.libs.verify import (
    STATIC_LENGTH,
    AccessOptions,
    time_offset_ms,
    verify_key_v2,
    verify_message,
    verify_static,
    verify_v1,
)
from generic.models.device import Device

IDENTITY: Final = "generic-validateAccessKey"
access_key = Controller(IDENTITY, version="1.0", group="generic")
signature = Controller(IDENTITY, version="2.0", group="generic")

_RESPONSES: Final = {
    401: ["KeyInvalid", "KeyExpired", "KeyReplayed", "DeviceIdInvalid"],
    403: ["KeyInvalidForGroup", "SignatureMethodInvalid", "TemporaryDisabled", "IPNotAllowed"],
    429: "RateLimitExceededForKey",
}
_RESPONSES_V2: Final = {
    401: ["KeyInvalid", "KeyExpired", "KeyReplayed"],
    403: ["KeyInvalidForGroup", "TemporaryDisabled"],
    429: "RateLimitExceededForKey",
}

#: of both versions, which may stand in one chain
_KEY_TEXT: Final = "Who signs, when, and the signature"
RequestDate = Annotated[
    datetime | None, rule("The client's clock; only for the device's time offset", nullable=False, docs=False)
]


class KeyHeader(Params):
    """Headers of version 1.0."""

    key: Annotated[str, rule(_KEY_TEXT)]
    signaturemethod: Annotated[
        str | None, rule("How the key was made", allow="sha256", convert="lower", nullable=False, docs=False)
    ] = None
    requestdate: RequestDate = None


class SignatureHeader(Params):
    """Headers of version 2.0: `key`, or the three of an HTTP Message Signature."""

    key: Annotated[str | None, rule(_KEY_TEXT, nullable=False)] = None
    signature_input: Annotated[str | None, rule("What is signed, RFC 9421", nullable=False)] = None
    signature: Annotated[str | None, rule("The signature, RFC 9421", nullable=False)] = None
    content_digest: Annotated[str | None, rule("SHA-256 of the body, RFC 9530", nullable=False)] = None
    requestdate: RequestDate = None


class SignatureOptions(AccessOptions):
    """Options of version 2.0."""

    accept_v1: Annotated[bool, rule("Admit keys of version 1.0, during a migration")] = False


@access_key.all(responses=_RESPONSES, provides=Device, authorizes=True)
async def validate_access_key(
    ctx: Context, *, header: KeyHeader, options: AccessOptions, device: Device | None
) -> Device:
    """The device that a signature of version 1.0, or a static key, stands for."""
    if device is not None and device.is_verified:
        return device
    at = ctx.now()
    ctx.headers["timestamp"] = str(in_milliseconds(at))
    key = header.key
    if len(key) == STATIC_LENGTH:
        device = await verify_static(ctx, at, key)
    elif len(key) == KEY_V2_LENGTH and _also_names(ctx, "2.0"):
        device = await verify_key_v2(ctx, at, key, options)
    else:
        device = await verify_v1(ctx, at, key, options)
    return _with_offset(ctx, device, header.requestdate)


#: mia's name for the same
access_key.action("headerParameters", responses=_RESPONSES, provides=Device, authorizes=True)(
    validate_access_key.function
)


@signature.all(responses=_RESPONSES_V2, provides=Device, authorizes=True)
async def validate_signature(
    ctx: Context, *, header: SignatureHeader, options: SignatureOptions, device: Device | None
) -> Device:
    """The device that signed in version 2.0: as `key`, or as an HTTP Message Signature."""
    if device is not None and device.is_verified:
        return device
    at = ctx.now()
    ctx.headers["timestamp"] = str(in_milliseconds(at))
    key = header.key
    if header.signature_input is not None:
        device = await verify_message(ctx, at, header.signature_input, header.signature or "", options)
    elif key is None:
        raise unauthorized(ctx)
    elif len(key) != KEY_V2_LENGTH and (options.accept_v1 or _also_names(ctx, "1.0")):
        static = len(key) == STATIC_LENGTH
        device = await verify_static(ctx, at, key) if static else await verify_v1(ctx, at, key, options)
    else:
        device = await verify_key_v2(ctx, at, key, options)
    return _with_offset(ctx, device, header.requestdate)


def _also_names(ctx: Context, version: str) -> bool:
    """Whether the chain names the other version, too; asked only when a key is of its form."""
    return any(step.label.startswith(f"{IDENTITY}@{version}.") for step in ctx.route.steps)


def _with_offset(ctx: Context, device: Device, sent: datetime | None) -> Device:
    if sent is not None:
        device.time_offset_ms = time_offset_ms(sent, ctx.now())
    return device
