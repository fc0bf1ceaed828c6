"""Who sent this request: the checks of `generic-validateAccessKey`, both versions.

In: a request, the parts of its key or signature. Out: its device, or 401 or 403. Cheap and silent checks come
first; nothing is written before everything else holds. Order and codes of version 1.0: mia.js 5.2.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from hmac import compare_digest
from itertools import product
from typing import Annotated, Final, Literal

from core import Collection, Context, DuplicateKey, Params, RateLimit, TooManyRequests, Unavailable, rule
from generic.libs.access import NOTED_S, KnownDevice, access_of, opens_group
from generic.libs.addresses import is_within, parse_address
from generic.libs.instants import as_time
from generic.libs.message_signature import build_base, matches_digest, parse_signature
from generic.libs.refusal import GROUP, forbidden, unauthorized
from generic.libs.signature_v1 import KeyV1, parse_key_v1, sign_v1
from generic.libs.signature_v2 import Signed, build_message_v2, parse_key_v2, sign_v2
from generic.libs.signed_body import NO_BODY, STREAMED, SignedBody, hash_signed_body_v1, read_signed_body
from generic.models.device import Device
from generic.models.seen_request import SeenRequest

WINDOW_S: Final = 300
_STATIC_LENGTH: Final = 32
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# Whoever guesses ids waits as long as whoever guesses signatures.
_NO_SECRET: Final = "0" * 64
_NO_KEY: Final = bytes(32)


class AccessOptions(Params):
    """Options of `generic-validateAccessKey`."""

    replay: Annotated[
        Literal["unsafe", "all", "off"], rule("Which methods are refused when they come again; off not in production")
    ] = "unsafe"
    unsigned_body: Annotated[bool, rule("Admit bodies that the signature does not cover, but for JSON")] = False


async def verify_v1(ctx: Context, at: datetime, text: str, options: AccessOptions) -> Device:
    """The device that signed in version 1.0, or whose static key this is."""
    if len(text) == _STATIC_LENGTH:
        return await _verify_static(ctx, at, text)
    key = parse_key_v1(text)
    if key is None:
        raise unauthorized(ctx)
    now_s = at.timestamp()
    if abs(int(key.timestamp) - now_s) > WINDOW_S:
        raise unauthorized(ctx, "KeyExpired", device_id=key.device_id)
    access = access_of(ctx.app)
    secret = access.secrets.peek(key.secret_id) or await access.secrets.get(key.secret_id)
    body = await read_signed_body(ctx)
    usable = secret is not None and secret.enabled and secret.expires > now_s
    # One that is not usable takes the way of one that is wrong.
    text = secret.text if secret is not None and usable else _NO_SECRET
    signed = _match_v1(ctx, key, text, body, options)
    if secret is None or not secret.groups:
        raise unauthorized(ctx, device_id=key.device_id)
    if not opens_group(secret.groups, ctx.route.group):
        raise forbidden(ctx, "KeyInvalidForGroup", device_id=key.device_id)
    if not signed or not usable:
        raise unauthorized(ctx, device_id=key.device_id)
    known = access.devices.peek(key.device_id) or await access.devices.get(key.device_id)
    if known is None:
        raise unauthorized(ctx, "DeviceIdInvalid", device_id=key.device_id)
    if known.device.status == "disabled":
        raise forbidden(ctx, "TemporaryDisabled", device_id=key.device_id)
    if known.limit is not None:
        await _count(ctx, known.device.id, known.limit)
    if _counts_once(ctx, options):
        # Not the text of the key: its signature may be written in capitals.
        await _refuse_replay(ctx, key.device_id, f"1.{key.device_id}.{signed.decode()}", int(key.timestamp))
    return _lend(ctx, known, at, now_s, is_itself=False)


def _match_v1(ctx: Context, key: KeyV1, secret: str, body: SignedBody, options: AccessOptions) -> bytes:
    """The signature, if it is one of this request in a form that it may have been sent in; else nothing."""
    request, query = ctx.request, ctx.request.query_string.decode("latin-1")
    url = f"{request.scheme}://{request.host}{request.raw_path.decode('latin-1')}"
    # A target that ends in "?" arrives without it.
    urls = [f"{url}?{query}"] if query else [url, f"{url}?"]
    hashes = [] if body is STREAMED else [hash_signed_body_v1(ctx, body)]
    if _admits_unsigned(ctx, body, options):
        hashes.append("")
    for body_hash, target in product(hashes, urls):
        expected = sign_v1(key, secret, request.method, target, body_hash)
        if compare_digest(expected, key.signature):
            return expected
    return b""


def _admits_unsigned(ctx: Context, body: SignedBody, options: AccessOptions) -> bool:
    """Whether this body may come along without being covered."""
    return options.unsigned_body and body is not NO_BODY and ctx.route.body.type != "json"


async def _verify_static(ctx: Context, at: datetime, key: str) -> Device:
    """The device whose static key this is."""
    known = await access_of(ctx.app).static_keys.get(key)
    if known is None or known.device.access is None:
        raise unauthorized(ctx)
    device, access = known.device, known.device.access
    ends = [as_time(end) for end in (access.exipires, access.expires) if end is not None]
    if device.status != "active":
        raise forbidden(ctx, "TemporaryDisabled", device_id=device.id)
    if any(end is None or end <= at for end in ends):
        raise unauthorized(ctx, "KeyExpired", device_id=device.id)
    if not opens_group({group.lower() for group in access.groups or ()}, ctx.route.group):
        raise forbidden(ctx, "KeyInvalidForGroup", device_id=device.id)
    address = parse_address(ctx.request.client_ip)
    if address is None or is_within(address, access.blockcidr or ()) or not is_within(address, access.cidr or ()):
        raise forbidden(ctx, "IPNotAllowed", device_id=device.id)
    if known.limit is not None:
        await _count(ctx, device.id, known.limit)
    return _lend(ctx, known, at, at.timestamp(), is_itself=True)


async def verify_v2(
    ctx: Context, at: datetime, key: str | None, signature_input: str | None, signature: str, options: AccessOptions
) -> Device:
    """The device that signed in version 2.0: an HTTP Message Signature goes before the header `key`."""
    if signature_input is not None:
        return await _verify_message(ctx, at, signature_input, signature, options)
    signed = parse_key_v2(key or "")
    if signed is None:
        raise unauthorized(ctx)
    now_s = at.timestamp()
    known = await _find_signer(ctx, now_s, signed)
    body, request = await read_signed_body(ctx), ctx.request
    target = request.raw_path, request.query_string, request.index.get(b"content-type", b"")
    message = build_message_v2(signed, request.method, request.index.get(b"host", b""), *target, body.digest)
    admitted = body is not STREAMED or _admits_unsigned(ctx, body, options)
    return await _admit(ctx, at, signed, known, message if admitted else None, options)


async def _verify_message(
    ctx: Context, at: datetime, signature_input: str, signature: str, options: AccessOptions
) -> Device:
    wanted, request, now_s = parse_signature(signature_input, signature), ctx.request, at.timestamp()
    if wanted is None or (wanted.expires is not None and wanted.expires <= now_s):
        raise unauthorized(ctx, "KeyInvalid" if wanted is None else "KeyExpired")
    known = await _find_signer(ctx, now_s, wanted.signed)
    body = await read_signed_body(ctx)
    message = build_base(wanted, request.method, request.scheme, request.raw_path, request.query_string, request.index)
    if wanted.covers_body and body is not STREAMED:
        admitted = matches_digest(request.header("content-digest") or "", body.digest)
    else:
        admitted = body is NO_BODY or _admits_unsigned(ctx, body, options)
    return await _admit(ctx, at, wanted.signed, known, message if admitted else None, options)


async def _find_signer(ctx: Context, now_s: float, signed: Signed) -> KnownDevice | None:
    if abs(signed.timestamp - now_s) > WINDOW_S:
        raise unauthorized(ctx, "KeyExpired", device_id=signed.device_id)
    return await access_of(ctx.app).find_signer(signed.device_id, signed.key_id)


async def _admit(
    ctx: Context, at: datetime, signed: Signed, known: KnownDevice | None, message: bytes | None, options: AccessOptions
) -> Device:
    """The device, if its key signed the message: everything that is wrong with it is one and the same refusal.

    `message` is `None` where no signature would do.
    """
    now_s = at.timestamp()
    key = known.keys.get(signed.key_id) if known is not None else None
    expected = sign_v2(key.key if key is not None else _NO_KEY, message or b"")
    matches = compare_digest(expected, signed.signature) and message is not None
    if known is None or key is None or key.disabled or key.expires <= now_s or not matches:
        raise unauthorized(ctx, device_id=signed.device_id)
    if known.device.status == "disabled":
        raise forbidden(ctx, "TemporaryDisabled", device_id=signed.device_id)
    if not opens_group(key.groups, ctx.route.group):
        raise forbidden(ctx, "KeyInvalidForGroup", device_id=signed.device_id)
    if known.limit is not None:
        await _count(ctx, known.device.id, known.limit)
    if _counts_once(ctx, options):
        await _refuse_replay(ctx, signed.device_id, f"2.{signed.key_id}.{signed.nonce}", signed.timestamp)
    return _lend(ctx, known, at, now_s, is_itself=True)


async def _count(ctx: Context, device_id: str, limit: RateLimit) -> None:
    """Count the request against the device's own limit; mia.js did so for static keys only."""
    verdict = await ctx.app.limits.take(f"device {device_id}", limit)
    if not verdict.allowed:
        code = "RateLimitExceededForKey"
        error = TooManyRequests(code, ctx.t(GROUP, code), headers=verdict.headers("device"))
        error.actor = device_id
        raise error
    ctx.headers.update(verdict.headers("device"))


def _counts_once(ctx: Context, options: AccessOptions) -> bool:
    return options.replay == "all" or (options.replay == "unsafe" and ctx.request.method not in _SAFE)


async def _refuse_replay(ctx: Context, device_id: str, name: str, timestamp: int) -> None:
    """Keep the name of the request for as long as its signature could be used again; 401 where it is kept."""
    ends = ctx.now().fromtimestamp(timestamp + 2 * WINDOW_S + 60, ctx.now().tzinfo)
    try:
        await ctx.db[SeenRequest].insert(SeenRequest(oid=name, exp=ends))
    except DuplicateKey:
        raise unauthorized(ctx, "KeyReplayed", device_id=device_id) from None


def _lend(ctx: Context, known: KnownDevice, at: datetime, now_s: float, *, is_itself: bool) -> Device:
    """A copy for this request of the device that all of them share; that it is used is noted once a day."""
    device = known.device
    if known.noted_until < now_s:
        device.status, device.last_modified = "active", at
        with suppress(Unavailable):  # too much to note: the next request does it
            ctx.later(_note_use(ctx.db[Device], device.id, at), name="device.used")
            known.noted_until = now_s + NOTED_S
    ctx.store_culture(device.culture.language, device.culture.region)
    return device.lend(is_itself=is_itself)


async def _note_use(devices: Collection[Device], device_id: str, at: datetime) -> None:
    changes = {"$set": {"status": "active", "lastModified": at}}
    await devices.update_one({"id": device_id, "status": {"$ne": "disabled"}}, changes)


def time_offset_ms(sent: datetime | None, at: datetime) -> int:
    """How far the client's clock is ahead of ours; 0 where it does not say."""
    return 0 if sent is None else round((sent - at).total_seconds() * 1000)
