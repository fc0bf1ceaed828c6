"""Static keys of `generic-validateAccessKey` 1.0, over the whole application and a real MongoDB."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from generic.models.device import Device
from tests.signing import STATIC_KEY, Signed, Vault, code_of, shared, vault

__all__ = ["shared", "vault"]


STATIC: list[Any] = [
    pytest.param({}, {}, (200, ""), id="opens"),
    pytest.param({"status": "inactive"}, {}, (403, "TemporaryDisabled"), id="inactive"),
    pytest.param({"status": "disabled"}, {}, (403, "TemporaryDisabled"), id="disabled"),
    pytest.param({}, {"groups": ["other"]}, (403, "KeyInvalidForGroup"), id="another group"),
    pytest.param({}, {"groups": None}, (403, "KeyInvalidForGroup"), id="no groups"),
    pytest.param({}, {"groups": ["*"]}, (200, ""), id="every group"),
    pytest.param({}, {"groups": ["VAULT"]}, (200, ""), id="group in capitals"),
    pytest.param({}, {"cidr": None}, (403, "IPNotAllowed"), id="no networks"),
    pytest.param({}, {"cidr": ["10.0.0.0/8"]}, (403, "IPNotAllowed"), id="another network"),
    pytest.param({}, {"cidr": ["10.0.0.0/8", "127.0.0.1/32"]}, (200, ""), id="second network"),
    pytest.param({}, {"blockcidr": ["127.0.0.1/32"]}, (403, "IPNotAllowed"), id="blocked"),
    pytest.param({}, {"blockcidr": ["10.0.0.1/32"]}, (200, ""), id="another one blocked"),
    pytest.param({}, {"exipires": timedelta(0)}, (401, "KeyExpired"), id="over, in mia's spelling"),
    pytest.param({}, {"expires": timedelta(-1)}, (401, "KeyExpired"), id="over"),
    pytest.param({}, {"exipires": timedelta(1)}, (200, ""), id="not over yet"),
]


@pytest.mark.parametrize(("device", "access", "expected"), STATIC)
@pytest.mark.parametrize("prefix", ["/v1", "/migrating"])
async def test_static_keys(vault: Vault, prefix: str, device: Any, access: Any, expected: tuple[int, str]) -> None:
    await vault.app.db[Device].delete_many({"access.key": STATIC_KEY})
    stored = {name: vault.clock.at + value if isinstance(value, timedelta) else value for name, value in access.items()}
    made = await vault.add_static(**stored)
    await vault.app.db[Device].update_one({"id": made.id}, {"$set": {"status": "active", **device}})
    vault.forget()
    reply = await vault.send(Signed("GET", f"{prefix}/items", {"key": STATIC_KEY}))
    assert code_of(reply) == expected
    if expected[0] == 200:
        assert reply.json()["response"]["device"] == made.id


@pytest.mark.parametrize("key", [STATIC_KEY.upper(), "0" * 32], ids=["capitals", "unknown"])
async def test_static_keys_that_are_none(vault: Vault, key: str) -> None:
    await vault.app.db[Device].delete_many({"access.key": STATIC_KEY})
    await vault.add_static()
    vault.forget()
    assert code_of(await vault.send(Signed("GET", "/v1/items", {"key": key}))) == (401, "KeyInvalid")


async def test_static_keys_open_nothing_in_2_0(vault: Vault) -> None:
    assert code_of(await vault.send(Signed("GET", "/v2/items", {"key": STATIC_KEY}))) == (401, "KeyInvalid")
