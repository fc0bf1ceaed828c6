"""Signed requests for the cases D1 and D2: a device and a secret as they are stored, and headers that are valid now.

Signatures are made by the Python client of docs/howto/signed-requests.md.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

DEVICE_ID, SECRET_ID, KEY_ID = "0123456789abcdef" * 2, "a7" * 16, "c3" * 16
SECRET, KEY = "5f" * 32, bytes(range(32)).hex()
#: what the configurations of the servers seal keys with
SEALING = "the benchmark seals its one key with this"
PATHS = {"1.0": "/bench/signed/1?account=a-17", "2.0": "/bench/signed/2?account=a-17"}
ANSWER = {"device": DEVICE_ID, "account": "a-17"}


def make_documents() -> dict[str, dict[str, Any]]:
    """Collection → document."""
    from generic.libs.sealing import Sealer

    at = datetime.now(UTC)
    sealed = Sealer([SEALING]).seal(KEY, f"{DEVICE_ID}.{KEY_ID}")
    key = {"id": KEY_ID, "sealed": sealed, "groups": ["bench"], "created": at, "disabled": False}
    device = {"id": DEVICE_ID, "status": "active", "created": at, "lastModified": at, "keys": [key]}
    secret = {"id": SECRET_ID, "secret": SECRET, "groups": ["bench"], "enabled": True, "created": at}
    return {"devices": device, "secrets": secret}


def make_key(version: str, port: int) -> str:
    """The header `key` for a GET of the case's path, signed now."""
    from tests.signing import client

    url = f"http://127.0.0.1:{port}{PATHS[version]}"
    if version == "1.0":
        return str(client.sign_v1(DEVICE_ID, SECRET_ID, SECRET, "GET", url))
    return str(client.sign_v2(DEVICE_ID, KEY_ID, KEY, "GET", url))
