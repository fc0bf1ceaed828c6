"""Devices register and describe themselves: `generic-deviceProfile`.

Version 1.0 is mia's. Version 2.0 also hands out the key that the device signs with.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Final

from core import (
    BadRequest,
    Context,
    Controller,
    DuplicateKey,
    ModelError,
    Params,
    PreconditionFailed,
    RateLimit,
    TooManyRequests,
    rule,
)
from generic.libs.access import access_of
from generic.libs.addresses import network_of, parse_address
from generic.libs.device_keys import IssuedKey, add_key, issue_key, revoke_key
from generic.libs.instants import in_milliseconds
from generic.libs.profile import DeviceProfile, build_changes, nest
from generic.libs.refusal import GROUP, forbidden
from generic.models.device import Device, DeviceKey

profile_v1 = Controller("generic-deviceProfile", version="1.0", group="generic")
profile = Controller("generic-deviceProfile", version="2.0", group="generic")
keys = Controller("generic-deviceKeys", version="1.0", group="generic")

_TRIES: Final = 5
_ID: Final = r"^[0-9A-Za-z]{32}$"
_CREATED: Final = {200: "Success", 429: "RateLimitExceeded"}
_UPDATED: Final = {200: "Success", 400: "DeviceIdDoesNotExist", 403: "DeviceIdInvalid"}
_OWN: Final = {200: "Success", 403: "DeviceIdInvalid"}


class DevicePath(Params):
    """Whose profile."""

    id: Annotated[str, rule("Id of the device", match=_ID)]


class KeyPath(DevicePath):
    """Whose key, and which."""

    key: Annotated[str, rule("Id of the key", match=_ID)]


class Registered(Params):
    """A device's own id; it is its public name."""

    id: str


class RegisteredWithKey(Registered):
    """The same, with the key that signs its requests."""

    key: IssuedKey


class RegistrationOptions(Params):
    """Options of `create`: nobody is asked who they are, so few may come."""

    per_minute: Annotated[int, rule("How many devices one client may register, over all such routes", min=1)] = 30


@profile_v1.create(responses=_CREATED)
async def create_device(ctx: Context, *, body: DeviceProfile, options: RegistrationOptions) -> Registered:
    """Registers a device."""
    await _admit(ctx, options)
    return Registered(id=(await _register(ctx, body)).id)


@profile.create(responses=_CREATED)
async def create_device_with_key(
    ctx: Context, *, body: DeviceProfile, options: RegistrationOptions
) -> RegisteredWithKey:
    """Registers a device and gives it a key for the group of this route; the key is shown this once."""
    await _admit(ctx, options)
    device_id = Device().id
    key, issued = issue_key(device_id, ctx.route.group, ctx.now(), access_of(ctx.app).sealer)
    await _register(ctx, body, device_id, key)
    return RegisteredWithKey(id=device_id, key=issued)


@profile_v1.update(responses=_UPDATED)
async def update_device(ctx: Context, *, path: DevicePath, body: DeviceProfile, device: Device) -> Registered:
    """Changes what is given in the profile of the device that asks."""
    ctx.headers["timestamp"] = str(in_milliseconds(ctx.now()))
    _check_own(ctx, path, device)
    changes = {**build_changes(body, ctx.request.header("user-agent")), "lastModified": ctx.now()}
    try:
        done = await ctx.db[Device].update_one({"id": device.id}, {"$set": changes})
    except ModelError as error:
        raise _to_request_error(error) from error
    if not done.matched:
        raise BadRequest("DeviceIdDoesNotExist", ctx.t(GROUP, "DeviceIdDoesNotExist"))
    access_of(ctx.app).devices.forget(device.id)
    return Registered(id=device.id)


profile.update(responses=_UPDATED)(update_device.function)


@keys.create(responses=_OWN)
async def create_key(ctx: Context, *, path: DevicePath, device: Device) -> IssuedKey:
    """Gives the device that asks a new key; the one it replaces goes on for a while.

    A signature of version 1.0 gets a device its first key only.
    """
    _check_own(ctx, path, device)
    access = access_of(ctx.app)
    key, issued = issue_key(device.id, ctx.route.group, ctx.now(), access.sealer)
    if not await add_key(ctx.db[Device], device.id, key, is_itself=device.is_itself):
        raise forbidden(ctx, "DeviceIdInvalid", device_id=device.id)
    access.devices.forget(device.id)
    return issued


@keys.del_(responses={**_OWN, 400: "DeviceIdDoesNotExist"})
async def revoke_own_key(ctx: Context, *, path: KeyPath, device: Device) -> None:
    """Revokes a key of the device that asks: every server refuses it within five seconds."""
    _check_own(ctx, path, device)
    if not await revoke_key(ctx.db[Device], device.id, path.key):
        raise BadRequest("DeviceIdDoesNotExist", ctx.t(GROUP, "DeviceIdDoesNotExist"))
    access_of(ctx.app).devices.forget(device.id)


async def _admit(ctx: Context, options: RegistrationOptions) -> None:
    """Count the registration for its client: an address, or the network that an IPv6 client owns."""
    ctx.headers["timestamp"] = str(in_milliseconds(ctx.now()))
    address = parse_address(ctx.request.client_ip)
    client = ctx.request.client_ip if address is None else network_of(address)
    limit = RateLimit(options.per_minute, 60)
    verdict = await ctx.app.limits.take(f"register {limit.requests} {client}", limit)
    if not verdict.allowed:
        raise TooManyRequests(headers=verdict.headers("registrations"))
    ctx.headers.update(verdict.headers("registrations"))


def _check_own(ctx: Context, path: DevicePath, device: Device) -> None:
    if path.id != device.id:
        raise forbidden(ctx, "DeviceIdInvalid", device_id=device.id)


def _to_request_error(error: ModelError) -> PreconditionFailed:
    """What breaks the model, said of the request that it came from."""
    places = {"device.userAgent": "header"}
    return PreconditionFailed([replace(item, in_=places.get(item.id or "", "body")) for item in error.errors])


async def _register(ctx: Context, body: DeviceProfile, device_id: str = "", key: DeviceKey | None = None) -> Device:
    """Store a new device; an id that is taken, against all odds, is chosen anew where the caller did not choose."""
    document: dict[str, Any] = nest(build_changes(body, ctx.request.header("user-agent")))
    document |= {"created": ctx.now(), "lastModified": ctx.now()}
    if key is not None:
        document |= {"keys": [key]}
    for tries in range(_TRIES):
        try:
            return await ctx.db[Device].insert({**document, "id": device_id or Device().id})
        except ModelError as error:
            raise _to_request_error(error) from error
        except DuplicateKey:
            if tries + 1 == _TRIES or device_id:
                raise
    raise AssertionError("the last try returns or raises")
