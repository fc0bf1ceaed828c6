"""Signatures of version 2.0 in the header `key`; pure.

In: the text of the header, the parts of a request, the key of a device. Out: who signed when, and the signature
that there should be: HMAC-SHA256 over every part as it was sent, each with its length, so that no byte can move
from one to the next. The other form of 2.0, for the same keys, is `message_signature.py`.
"""

from __future__ import annotations

import re
from hmac import digest
from typing import NamedTuple

#: device id 32, key id 32, seconds 10, nonce 32, signature 64
KEY_V2_LENGTH = 170
_KEY = re.compile(r"([0-9a-f]{32})([0-9a-f]{32})([0-9]{10})([0-9a-f]{32})([0-9a-f]{64})", re.ASCII)


class Signed(NamedTuple):
    """Who signed, with which key, when (seconds), with which nonce; `signature` as bytes."""

    device_id: str
    key_id: str
    timestamp: int
    nonce: str
    signature: bytes


def parse_key_v2(key: str) -> Signed | None:
    """The parts of the text, or `None` where it has another form."""
    found = _KEY.fullmatch(key)
    if found is None:
        return None
    device_id, key_id, timestamp, nonce, signature = found.groups()
    return Signed(device_id, key_id, int(timestamp), nonce, bytes.fromhex(signature))


def build_message_v2(
    signed: Signed, method: str, host: bytes, path: bytes, query: bytes, content_type: bytes, body_digest: bytes
) -> bytes:
    r"""What is signed: a first line, then every part as `<length in bytes>:<bytes>\n`."""
    who = f"{signed.device_id}\n32:{signed.key_id}\n10:{signed.timestamp:010}\n32:{signed.nonce}"
    head = f"catena-signature-2\n32:{who}\n{len(method)}:{method}\n".encode()
    target = len(host), host, len(path), path, len(query), query, len(content_type), content_type
    return head + b"%d:%b\n%d:%b\n%d:%b\n%d:%b\n64:%b\n" % (*target, body_digest.hex().encode())


def sign_v2(key: bytes, message: bytes) -> bytes:
    """The signature, 32 bytes."""
    return digest(key, message, "sha256")
