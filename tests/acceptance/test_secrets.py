"""Secrets of version 1.0: made, listed, replaced and disabled by hand, over a real MongoDB; what a mode brings."""

from __future__ import annotations

from contextlib import redirect_stdout
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest

from core import ConfigError, DuplicateKey
from core.testing import Reply, make_app
from generic.commands.secret import create, disable, list_all, rotate
from generic.models.device import Device
from generic.models.secret import SharedSecret
from tests.signing import DEVICE_ID, SECRET, SECRET_ID, START, Vault, code_of, shared, vault

__all__ = ["shared", "vault"]


async def say(command: Any, vault: Vault, **options: Any) -> list[str]:
    output = StringIO()
    with redirect_stdout(output):
        await command.function(vault.app.app.context, **options)
    return output.getvalue().splitlines()


def read_secret(lines: list[str]) -> dict[str, str]:
    values = dict(line.split(": ") for line in lines[:2])
    return {"secret_id": values["id"], "secret": values["secret"]}


async def test_a_secret_is_made_shown_once_and_works(vault: Vault) -> None:
    made = read_secret(await say(create, vault, group="Vault", description="for tests"))
    assert len(bytes.fromhex(made["secret"])) == 32
    assert (await vault.send(vault.v1("GET", "/v1/items", **made))).status == 200
    stored = await vault.app.db[SharedSecret].get_by("id", made["secret_id"])
    assert stored is not None
    assert made["secret"] not in stored.secret, "sealed at rest"
    listed = await say(list_all, vault, group="vault")
    assert any(made["secret_id"] in line and "vault  enabled" in line for line in listed)
    assert made["secret"] not in "".join(listed)
    assert SECRET not in "".join(listed)


async def test_a_disabled_secret_opens_nothing(vault: Vault) -> None:
    made = read_secret(await say(create, vault, group="vault"))
    assert await say(disable, vault, id=made["secret_id"]) == ["1 disabled"]
    assert code_of(await vault.send(vault.v1("GET", "/v1/items", **made))) == (401, "KeyInvalid")
    assert await say(disable, vault, group="vault") == ["2 disabled"]
    with pytest.raises(ConfigError):
        await say(disable, vault)


async def test_SIG_10_secrets_overlap_when_they_are_replaced(vault: Vault) -> None:
    lines = await say(rotate, vault, group="vault", overlap_hours=1.0)
    assert lines[2] == "1 older end in 1 hours"
    made = read_secret(lines)
    for secret in ({}, made):
        assert (await vault.send(vault.v1("GET", "/v1/items", **secret))).status == 200
    vault.clock.pass_(3600)
    vault.forget()
    assert code_of(await vault.send(vault.v1("GET", "/v1/items"))) == (401, "KeyInvalid")
    assert (await vault.send(vault.v1("GET", "/v1/items", **made))).status == 200


async def test_SIG_10_no_group_is_left_without_a_secret(vault: Vault) -> None:
    shared_by_two = read_secret(await say(create, vault, group="vault,cellar"))
    with pytest.raises(ConfigError, match="open cellar, too"):
        await say(rotate, vault, group="vault")
    for command in (create, rotate):
        with pytest.raises(ConfigError, match="needs --group"):
            await say(command, vault, group=" , ")
    assert all(one.expires is None for one in await vault.app.db[SharedSecret].find({}))
    lines = await say(rotate, vault, group="Cellar, vault")
    assert lines[2] == "2 older end in 168 hours"
    vault.clock.pass_(168 * 3600)
    vault.forget()
    assert code_of(await vault.send(vault.v1("GET", "/v1/items", **shared_by_two))) == (401, "KeyInvalid")
    assert (await vault.send(vault.v1("GET", "/v1/items", **read_secret(lines)))).status == 200


async def stored_keys(vault: Vault) -> list[dict[str, Any]]:
    found = await vault.app.db[Device].raw.find_one({"id": DEVICE_ID})
    assert found is not None
    keys: list[dict[str, Any]] = found["keys"]
    return keys


async def test_D06_the_secret_of_an_app_takes_over_no_device_that_has_a_key_of_its_own(vault: Vault) -> None:
    async def ask() -> Reply:
        vault.clock.pass_(1)
        vault.forget()
        return await vault.send(vault.v1("POST", f"/vault/1/devices/{DEVICE_ID}/keys"))

    first, again = await ask(), await ask()  # the answer may have been lost
    assert (first.status, again.status) == (200, 200)
    assert code_of(await ask()) == (403, "DeviceIdInvalid")
    keys = [{**key, "created": vault.clock.at - timedelta(hours=1)} for key in (await stored_keys(vault))[:1]]
    await vault.app.db[Device].raw.update_one({"id": DEVICE_ID}, {"$set": {"keys": keys}})
    assert code_of(await ask()) == (403, "DeviceIdInvalid")
    issued = first.json()["response"]
    who = {"device": DEVICE_ID, "key_id": issued["id"], "key": issued["key"]}
    assert (await vault.send(vault.v2("POST", f"/vault/2/devices/{DEVICE_ID}/keys", **who))).status == 200


async def test_two_secrets_never_share_an_id(vault: Vault) -> None:
    with pytest.raises(DuplicateKey):
        await vault.app.db[SharedSecret].insert(SharedSecret(id=SECRET_ID, secret="0" * 32, groups=["x"]))


# What a mode brings


@pytest.mark.parametrize(("mode", "expected"), [("local", 2), ("test", 0)])
async def test_C11_well_known_secrets_exist_in_local_mode_only(mongo_url: str, mode: str, expected: int) -> None:
    async with make_app("projects/demo", mongo=mongo_url, mode=mode) as app:
        assert await app.db[SharedSecret].count() == expected
        reply = await app.client.get("/demo-auth/v1/todo", headers={"key": "9cd43d5622a2fa78b67b3412a2d8c614"})
        assert reply.status == (200 if mode == "local" else 401)


async def test_seeding_again_changes_nothing(mongo_url: str) -> None:
    from generic.init.access import seed_local_secret
    from projects.demo.init.seed_access import seed_access

    async with make_app("projects/demo", mongo=mongo_url, mode="local") as app:
        await seed_local_secret(app.app.context)
        await seed_access(app.app.context)
        assert (await app.db[SharedSecret].count(), await app.db[Device].count()) == (2, 1)


def test_the_time_of_the_vault_is_the_time_of_the_vectors() -> None:
    assert START.timestamp() == 1420070400
