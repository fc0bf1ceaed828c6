"""Signed requests: `before=[use("generic-validateAccessKey", …)]` protects every route of a file.

Version 1.0 is mia's; 2.0 is for new clients. A chain may name both during a migration, in either order: whichever
stands first verifies every form, each under the options of its own version.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from core import Context, Controller, Params, rule
from generic.libs.instants import in_milliseconds
from generic.libs.signature_v2 import KEY_V2_LENGTH
from generic.libs.verify import AccessOptions, time_offset_ms, verify_v1, verify_v2
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
_INPUT_TEXT: Final = "What is signed, RFC 9421"
_ELSEWHERE: Final = "-"
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
    # An HTTP Message Signature is a key as well: only the step knows whether its chain names version 2.0.
    signature_input: Annotated[
        str | None, rule(_INPUT_TEXT, nullable=False, docs=False, virtual=lambda _: {"key": _ELSEWHERE})
    ] = None


class SignatureHeader(Params):
    """Headers of version 2.0: `key`, or the three of an HTTP Message Signature."""

    key: Annotated[str | None, rule(_KEY_TEXT, nullable=False)] = None
    signature_input: Annotated[str | None, rule(_INPUT_TEXT, nullable=False)] = None
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
    key, message = header.key, header.signature_input
    second = _options_of(ctx, "2.0") if message is not None or len(key) == KEY_V2_LENGTH else None
    if second is not None:
        device = await verify_v2(ctx, at, key, message, ctx.request.header("signature") or "", second)
    else:
        device = await verify_v1(ctx, at, key, options)
    return _with_offset(device, header.requestdate, at)


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
    key, message = header.key, header.signature_input
    first = None
    if key is not None and message is None and len(key) != KEY_V2_LENGTH:
        first = _options_of(ctx, "1.0") or (options if options.accept_v1 else None)
    if key is not None and first is not None:
        device = await verify_v1(ctx, at, key, first)
    else:
        device = await verify_v2(ctx, at, key, message, header.signature or "", options)
    return _with_offset(device, header.requestdate, at)


def _options_of(ctx: Context, version: str) -> AccessOptions | None:
    """The options of the other version, where the chain names it; asked only for a key of its form."""
    label = f"{IDENTITY}@{version}."
    found = (step.options["options"] for step in ctx.route.steps if step.action.label.startswith(label))
    return next(found, None)


def _with_offset(device: Device, sent: datetime | None, at: datetime) -> Device:
    if sent is not None:
        device.time_offset_ms = time_offset_ms(sent, at)
    return device
