"""Signatures as one checks them by hand: secret and device read from the database for each request, nothing cached.

The same checks in the same order as `generic-validateAccessKey`: window, key record, signature, status, group.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import b64decode
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tests.benchmarks.servers.store import LIMIT_MS, Store
from tests.benchmarks.signed import SEALING

GROUP, WINDOW_S = "bench", 300


class Refused(Exception):
    """The request is not signed by a device that may do this."""


async def check_v1(store: Store, key: str, method: str, url: str) -> dict[str, Any]:
    """The device that signed in version 1.0; `url` as it was sent."""
    device_id, secret_id, seconds, signature = key[:32], key[32:64], key[64:74], key[74:]
    if not seconds.isdecimal() or abs(int(seconds) - time.time()) > WINDOW_S:
        raise Refused
    secret = await store.secrets.find_one({"id": secret_id}, max_time_ms=LIMIT_MS)
    if secret is None or GROUP not in secret["groups"] or not secret["enabled"]:
        raise Refused
    text = f"{device_id}{secret['secret']}{seconds}{method}{url}".lower()
    if not hmac.compare_digest(hashlib.sha256(text.encode()).hexdigest(), signature.lower()):
        raise Refused
    return await find_device(store, device_id)


async def check_v2(store: Store, key: str, method: str, host: str, path: str, query: str) -> dict[str, Any]:
    """The device that signed in version 2.0."""
    device_id, key_id, seconds, nonce, signature = key[:32], key[32:64], key[64:74], key[74:106], key[106:]
    if len(key) != 170 or not seconds.isdecimal() or abs(int(seconds) - time.time()) > WINDOW_S:
        raise Refused
    device = await find_device(store, device_id)
    known = next((one for one in device["keys"] if one["id"] == key_id and not one["disabled"]), None)
    if known is None or GROUP not in known["groups"]:
        raise Refused
    parts = [device_id, key_id, seconds, nonce, method, host, path, query, "", hashlib.sha256(b"").hexdigest()]
    message = "catena-signature-2\n" + "".join(f"{len(part.encode())}:{part}\n" for part in parts)
    opened = open_key(known["sealed"], f"{device_id}.{key_id}")
    if not hmac.compare_digest(hmac.new(opened, message.encode(), "sha256").hexdigest(), signature):
        raise Refused
    return device


async def find_device(store: Store, device_id: str) -> dict[str, Any]:
    device = await store.devices.find_one({"id": device_id}, max_time_ms=LIMIT_MS)
    if device is None or device["status"] == "disabled":
        raise Refused
    return device


@cache
def cipher() -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, None, b"catena sealing 1").derive(SEALING.encode()))


def open_key(sealed: str, owner: str) -> bytes:
    data = b64decode(sealed.split(".")[2])
    return bytes.fromhex(cipher().decrypt(data[:12], data[12:], owner.encode()).decode())
