"""Signatures of version 1.0, as mia.js checks them; pure.

In: the text of the header `key`, the parts of a request, a secret. Out: who signed when, and the signature that
there should be. Source: mia.js 5.2.1, bit for bit; its weaknesses are those of the format: everything is put in
lower case, and nothing separates the parts (docs/howto/signed-requests.md). Bodies that mia.js left unsigned are
covered in the same way here.
"""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple

#: device id 32, secret id 32, seconds 10; the rest is the signature
_DEVICE, _SECRET, _TIME = 32, 64, 74


class KeyV1(NamedTuple):
    """The parts of a key; `timestamp` is the text, `signature` lower case."""

    device_id: str
    secret_id: str
    timestamp: str
    signature: bytes


def parse_key_v1(key: str) -> KeyV1 | None:
    """The parts of the text, or `None` where it is too short or its time is no number."""
    timestamp = key[_SECRET:_TIME]
    if len(key) < _TIME or not (timestamp.isascii() and timestamp.isdigit()):
        return None
    signature = key[_TIME:].encode("latin-1", "replace").lower()
    return KeyV1(key[:_DEVICE], key[_DEVICE:_SECRET], timestamp, signature)


def hash_body_v1(body: bytes) -> str:
    """Hex SHA-256 of the body as lower-case text, of the bytes where they are no text; empty without a body."""
    if not body:
        return ""
    try:
        return sha256(body.decode("utf-8").lower().encode()).hexdigest()
    except UnicodeDecodeError:
        return sha256(body).hexdigest()


def sign_v1(key: KeyV1, secret: str, method: str, url: str, body_hash: str) -> bytes:
    """The signature as 64 hex digits.

    `url` is scheme, `://`, the Host header, and the target with its query, all as they were sent.
    """
    text = f"{key.device_id}{secret}{key.timestamp}{method}{url}{body_hash}".lower()
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest().encode()
