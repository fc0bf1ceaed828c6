"""Devices over the whole application and a real MongoDB: registering, describing, keys, crons, the old sessions."""

from __future__ import annotations

from datetime import timedelta
from hashlib import md5
from typing import Any

import pytest

from core.testing import Reply, make_app
from generic.libs.user_agent import read_system
from generic.models.device import Device
from generic.models.secret import SharedSecret
from tests.signing import DEVICE_ID, SECRET, SECRET_ID, Signed, Vault, code_of, open_vault, shared, vault
from tests.timing import cpu_ms

__all__ = ["shared", "vault"]

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 15_2 like Mac OS X) Mobile/15E148"
PROFILE = {
    "culture": {"code": "en-US"},
    "app": {"id": "Com.Example App", "version": "1.2", "vendor": {"id": "VENDOR"}, "advertiser": {"id": "ADVERT"}},
    "device": {
        "model": "X1", "group": "tv", "os": {"type": "Tizen", "version": "6.5"}, "carrier": {"type": "LTE"},
        "screen": {"resolution": "1920x1080"}, "notification": {"token": "push", "environment": "sandbox"},
    },
    "rateLimit": {"interval": 1}, "status": "active", "access": {"key": "a" * 32}, "id": "f" * 32,
}  # fmt: skip


async def register(vault: Vault, path: str, body: Any = ..., **headers: str) -> Reply:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return await vault.app.client.post(path, json=body, headers={"user-agent": IPHONE, **sent})


async def stored(vault: Vault, device_id: str) -> dict[str, Any]:
    found = await vault.app.db[Device].raw.find_one({"id": device_id})
    assert found is not None
    del found["_id"]
    return found


@pytest.mark.parametrize("path", ["/vault/1/devices", "/vault/2/devices"])
async def test_a_device_is_stored_as_mia_js_stored_it(vault: Vault, path: str) -> None:
    reply = await register(vault, path, PROFILE)
    assert reply.status == 200
    assert reply.headers["timestamp"] == str(vault.seconds * 1000)
    device_id = reply.json()["response"]["id"]
    document = await stored(vault, device_id)
    keys = document.pop("keys", None)
    assert (keys is not None) is path.startswith("/vault/2")
    assert document == {
        "id": device_id,
        "status": "inactive",
        "created": vault.clock.at,
        "lastModified": vault.clock.at,
        "culture": {"language": "en", "region": "us"},
        "app": {
            "id": "com.exampleapp", "version": "1.2", "vendor": {"id": "vendor"}, "advertiser": {"id": "advert"},
        },
        "device": {
            "model": "x1", "group": "tv", "os": {"type": "tizen", "version": "6.5"}, "carrier": {"type": "lte"},
            "screen": {"height": 1920, "width": 1080}, "userAgent": IPHONE,
            "notification": {"token": "push", "environment": "sandbox"},
        },
    }  # fmt: skip


async def test_1_0_answers_with_the_id_alone(vault: Vault) -> None:
    reply = await vault.app.client.post("/vault/1/devices")
    assert sorted(reply.json()["response"]) == ["id"]
    document = await stored(vault, reply.json()["response"]["id"])
    assert sorted(document) == ["created", "culture", "id", "lastModified", "status"]
    assert document["culture"] == {"language": "de", "region": "de"}


WRONG = [
    pytest.param({"culture": {"code": "english"}}, "culture.code", id="culture"),
    pytest.param({"app": {"id": "a"}}, "app.id", id="short app id"),
    pytest.param({"app": {"version": "1.2.3.4.5"}}, "app.version", id="five numbers"),
    pytest.param({"device": {"group": "fridge"}}, "device.group", id="unknown group"),
    pytest.param({"device": {"screen": {"resolution": "big"}}}, "device.screen.resolution", id="no resolution"),
    pytest.param({"device": {"notification": {"environment": "x"}}}, "device.notification.environment", id="push"),
    pytest.param({"app": {"id": {"$ne": None}}}, None, id="an operator"),
]


@pytest.mark.parametrize(("body", "field"), WRONG)
async def test_profiles_that_break_the_rules(vault: Vault, body: Any, field: str | None) -> None:
    reply = await register(vault, "/vault/1/devices", body)
    assert reply.status == 400
    assert field is None or [item["id"] for item in reply.json()["errors"]] == [field]


async def test_a_short_user_agent_breaks_the_model(vault: Vault) -> None:
    reply = await vault.app.client.post("/vault/1/devices", headers={"user-agent": "abc"})
    (item,) = reply.json()["errors"]
    assert (reply.status, item["id"], item["in"]) == (400, "device.userAgent", "header")
    assert reply.headers["timestamp"] == str(vault.seconds * 1000)


async def test_B06_nobody_registers_with_more_than_a_profile(vault: Vault) -> None:
    sent = {
        "_id": "1", "id": DEVICE_ID, "status": "active", "role": "admin", "group": "vault", "user": {"id": "x"},
        "access": {"key": "a" * 32, "cidr": ["0.0.0.0/0"], "groups": ["*"]}, "session": {"id": "a" * 64},
        "keys": [{"id": "a" * 32, "sealed": "x"}], "rateLimit": {"interval": 1, "maxRequests": 10**9},
        "created": "2000-01-01", "device": {"userAgent": "mine", "screen": {"height": 1}},
        "culture": {"language": "xx", "region": "yy"},
    }  # fmt: skip
    for path in ("/vault/1/devices", "/vault/2/devices"):
        reply = await register(vault, path, sent)
        assert reply.status == 200
        device_id = reply.json()["response"]["id"]
        assert device_id != DEVICE_ID
        document = await stored(vault, device_id)
        keys = document.pop("keys", [])
        assert [key["id"] for key in keys] != ["a" * 32]
        assert sorted(document) == ["created", "culture", "device", "id", "lastModified", "status"]
        assert document["status"] == "inactive"
        assert document["culture"] == {"language": "de", "region": "de"}
        assert sorted(document["device"]) == ["group", "os", "userAgent"]
        assert document["device"]["userAgent"] == IPHONE


async def test_B06_nobody_updates_more_than_a_profile(vault: Vault) -> None:
    import orjson

    groups = {"access": {"groups": ["*"]}, "access.groups": ["*"]}
    body = orjson.dumps({"status": "disabled", **groups, "keys": [], "app.keys": [], "id": "x"})
    request = vault.v1("PUT", f"/vault/1/devices/{DEVICE_ID}", body)
    assert (await vault.send(request)).status == 200
    document = await stored(vault, DEVICE_ID)
    assert sorted(document) == ["created", "culture", "id", "lastModified", "status"]
    assert document["status"] == "active"


async def test_a_device_changes_what_it_gives(vault: Vault) -> None:
    reply = await vault.send(
        vault.v1("PUT", f"/vault/1/devices/{DEVICE_ID}", b'{"device":{"model":"X2"}}').with_headers(user_agent=IPHONE)
    )
    assert reply.json()["response"] == {"id": DEVICE_ID}
    document = await stored(vault, DEVICE_ID)
    assert document["device"]["model"] == "x2"
    assert document["device"]["os"] == {"type": "ios", "version": "15.2"}
    assert document["culture"] == {"language": "de", "region": "de"}
    vault.clock.pass_(1)
    assert (await vault.send(vault.v1("PUT", f"/vault/1/devices/{DEVICE_ID}"))).status == 200


@pytest.mark.parametrize("form", ["v1", "v2"])
async def test_a_device_changes_itself_only(vault: Vault, form: str) -> None:
    number = form[1]
    other = await vault.add_device()
    reply = await vault.send(getattr(vault, form)("PUT", f"/vault/{number}/devices/{other.id}", b"{}"))
    assert code_of(reply) == (403, "DeviceIdInvalid")


async def test_a_device_that_is_gone_cannot_be_changed(vault: Vault) -> None:
    path = f"/vault/1/devices/{DEVICE_ID}"
    assert (await vault.send(vault.v1("PUT", path))).status == 200
    await vault.send(vault.v1("GET", "/v1/items"))
    await vault.app.db[Device].delete_many({"id": DEVICE_ID})
    vault.clock.pass_(1)
    assert code_of(await vault.send(vault.v1("PUT", path))) == (400, "DeviceIdDoesNotExist")


async def test_a_new_device_signs_with_the_key_it_got(vault: Vault) -> None:
    issued = (await register(vault, "/vault/2/devices", {})).json()["response"]
    who = {"device": issued["id"], "key_id": issued["key"]["id"], "key": issued["key"]["key"]}
    assert (await vault.send(vault.v2("GET", "/v2/items", **who))).status == 200
    assert len(bytes.fromhex(issued["key"]["key"])) == 32
    text = str(await stored(vault, issued["id"]))
    assert issued["key"]["key"] not in text, "sealed at rest"


async def test_keys_are_replaced_and_overlap(vault: Vault) -> None:
    me = f"/vault/2/devices/{vault.v2_id}/keys"
    first = vault.v2_key_id, vault.v2_key
    second = (await vault.send(vault.v2("POST", me))).json()["response"]
    for key_id, key in (first, (second["id"], second["key"])):
        assert (await vault.send(vault.v2("GET", "/v2/items", key_id=key_id, key=key))).status == 200
    vault.clock.pass_(86_400)
    vault.forget()
    assert code_of(await vault.send(vault.v2("GET", "/v2/items"))) == (401, "KeyInvalid")
    vault.v2_key_id, vault.v2_key = second["id"], second["key"]
    assert (await vault.send(vault.v2("GET", "/v2/items"))).status == 200
    for _ in range(3):
        issued = (await vault.send(vault.v2("POST", me))).json()["response"]
        vault.v2_key_id, vault.v2_key = issued["id"], issued["key"]
    device = await vault.app.db[Device].get_by("id", vault.v2_id)
    assert device is not None
    assert len(device.keys or []) == 2


async def test_a_revoked_key_is_refused(vault: Vault) -> None:
    old = vault.v2_key_id, vault.v2_key
    issued = (await vault.send(vault.v2("POST", f"/vault/2/devices/{vault.v2_id}/keys"))).json()["response"]
    path = f"/vault/2/devices/{vault.v2_id}/keys/"
    mine = {"key_id": issued["id"], "key": issued["key"]}
    assert (await vault.send(vault.v2("DELETE", path + old[0], **mine))).status == 200
    assert code_of(await vault.send(vault.v2("GET", "/v2/items", key_id=old[0], key=old[1]))) == (401, "KeyInvalid")
    assert (await vault.send(vault.v2("GET", "/v2/items", **mine))).status == 200
    assert code_of(await vault.send(vault.v2("DELETE", path + "0" * 32, **mine))) == (400, "DeviceIdDoesNotExist")


async def test_a_device_of_1_0_gets_a_key_of_2_0(vault: Vault) -> None:
    reply = await vault.send(vault.v1("POST", f"/vault/1/devices/{DEVICE_ID}/keys"))
    issued = reply.json()["response"]
    who = {"device": DEVICE_ID, "key_id": issued["id"], "key": issued["key"]}
    assert (await vault.send(vault.v2("GET", "/v2/items", **who))).status == 200


def test_E06_a_header_full_of_devices_costs_no_time() -> None:
    assert cpu_ms(lambda: read_system("iPod" * 4000)) < 100  # four times that, where each of them is tried


async def test_a_device_that_is_gone_gets_no_key(vault: Vault) -> None:
    assert (await vault.send(vault.v2("GET", "/v2/items"))).status == 200
    await vault.app.db[Device].delete_many({"id": vault.v2_id})
    reply = await vault.send(vault.v2("POST", f"/vault/2/devices/{vault.v2_id}/keys"))
    assert code_of(reply) == (403, "DeviceIdInvalid")


async def test_a_key_that_another_server_issued_a_moment_ago_is_known(vault: Vault) -> None:
    """Two workers: the device stands in the cache of one when the other gives it a key."""
    from generic.libs.device_keys import add_key, issue_key
    from generic.libs.sealing import make_sealer

    assert (await vault.send(vault.v2("GET", "/v2/items"))).status == 200
    key, issued = issue_key(vault.v2_id, "vault", vault.clock.at, make_sealer("", "test"))
    await add_key(vault.app.db[Device], vault.v2_id, key, is_itself=True)
    assert (await vault.send(vault.v2("GET", "/v2/items", key_id=issued.id, key=issued.key))).status == 200


async def test_a_key_sealed_elsewhere_opens_nothing(vault: Vault) -> None:
    key = (await stored(vault, vault.v2_id))["keys"][0]
    other = await vault.add_device(status="active")
    await vault.app.db[Device].raw.update_one({"id": other.id}, {"$set": {"keys": [key]}})
    assert code_of(await vault.send(vault.v2("GET", "/v2/items", device=other.id))) == (401, "KeyInvalid")


# The old flow


def old_key(secret: str = SECRET, device: str = DEVICE_ID, secret_id: str = SECRET_ID) -> dict[str, str]:
    return {"key": md5(f"{secret}{device}".encode()).hexdigest() + secret_id}


SESSIONS = f"/vault/devices/{DEVICE_ID}/sessions"


async def open_session(vault: Vault) -> str:
    reply = await vault.send(Signed("POST", SESSIONS, old_key()))
    assert reply.status == 200
    session: str = reply.json()["response"]["sessionId"]
    return session


async def test_the_old_access_key_of_mia_js(vault: Vault) -> None:
    assert old_key()["key"] == "85c7989709ed308eb2ea31b108f84096" + SECRET_ID
    session = await open_session(vault)
    assert len(bytes.fromhex(session)) == 32
    date = (vault.clock.at + timedelta(seconds=2)).isoformat()
    reply = await vault.send(Signed("GET", "/vault/me", {"session": session, "date": date}))
    assert (reply.json()["response"]["device"], reply.json()["response"]["offset"]) == (DEVICE_ID, 2000)
    assert session not in str(await stored(vault, DEVICE_ID)), "hashed at rest"


OLD_KEYS = [
    pytest.param(old_key(secret="x"), (403, "AccessKeyInvalid"), id="another secret"),
    pytest.param(old_key(secret_id="0" * 32), (403, "AccessKeyInvalid"), id="unknown secret"),
    pytest.param(old_key(device="f" * 32), (403, "AccessKeyInvalid"), id="another device"),
    pytest.param(old_key("c" * 64, DEVICE_ID, "b" * 32), (403, "AccessKeyInvalidGroup"), id="another group"),
    pytest.param({"key": "x"}, (400, "MinLengthUnderachieved"), id="short"),
    pytest.param({}, (400, "MissingRequiredParameter"), id="none"),
]


@pytest.mark.parametrize(("headers", "expected"), OLD_KEYS)
async def test_old_access_keys_that_open_nothing(vault: Vault, headers: Any, expected: Any) -> None:
    assert code_of(await vault.send(Signed("POST", SESSIONS, headers))) == expected


async def test_a_disabled_secret_opens_no_session(vault: Vault) -> None:
    await vault.app.db[SharedSecret].update_one({"id": SECRET_ID}, {"$set": {"enabled": False}})
    assert code_of(await vault.send(Signed("POST", SESSIONS, old_key()))) == (403, "AccessKeyInvalid")


async def test_no_session_for_devices_that_are_not_there_or_disabled(vault: Vault) -> None:
    path = f"/vault/devices/{'f' * 32}/sessions"
    reply = await vault.send(Signed("POST", path, old_key(device="f" * 32)))
    assert code_of(reply) == (403, "DeviceIdInvalid")
    await vault.app.db[Device].update_one({"id": DEVICE_ID}, {"$set": {"status": "disabled"}})
    assert code_of(await vault.send(Signed("POST", SESSIONS, old_key()))) == (403, "TemporaryDisabled")


async def test_a_session_ends(vault: Vault) -> None:
    session = await open_session(vault)
    request = Signed("GET", "/vault/me", {"session": session})
    vault.clock.pass_(600)
    assert (await vault.send(request)).status == 200
    vault.clock.pass_(1)
    assert code_of(await vault.send(request)) == (403, "SessionTokenNotValid")
    await vault.app.run_cron("generic-removeSessions")
    assert sorted((await stored(vault, DEVICE_ID))["session"]) == ["groups"]


async def test_a_session_that_does_not_end(vault: Vault) -> None:
    session = await open_session(vault)
    await vault.app.db[Device].update_one({"id": DEVICE_ID}, {"$set": {"session.expireable": False}})
    vault.clock.pass_(10**6)
    await vault.app.run_cron("generic-removeSessions")
    assert (await vault.send(Signed("GET", "/vault/me", {"session": session}))).status == 200


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"status": "inactive"}, "TemporaryDisabled"),
        ({"session.groups": ["other"]}, "SessionInvalidGroup"),
        ({"session.cidr": ["10.0.0.0/8"]}, "IPNotAllowed"),
        ({"session.cidr": []}, "IPNotAllowed"),
    ],
    ids=["status", "group", "address", "no networks"],
)
async def test_sessions_that_open_nothing(vault: Vault, change: dict[str, Any], code: str) -> None:
    session = await open_session(vault)
    await vault.app.db[Device].update_one({"id": DEVICE_ID}, {"$set": change})
    assert code_of(await vault.send(Signed("GET", "/vault/me", {"session": session}))) == (403, code)


async def test_one_session_per_device(vault: Vault) -> None:
    first, second = await open_session(vault), await open_session(vault)
    assert code_of(await vault.send(Signed("GET", "/vault/me", {"session": first}))) == (403, "SessionTokenNotValid")
    assert (await vault.send(Signed("GET", "/vault/me", {"session": second}))).status == 200
    assert code_of(await vault.send(Signed("GET", "/other/me", {"session": second}))) == (403, "SessionInvalidGroup")


# Crons


AGES = [
    pytest.param("inactive", timedelta(minutes=59), True, id="new"),
    pytest.param("inactive", timedelta(hours=1), False, id="never used"),
    pytest.param("active", timedelta(days=364), True, id="used last year"),
    pytest.param("active", timedelta(days=365), False, id="unused for a year"),
    pytest.param("disabled", timedelta(days=364), True, id="disabled"),
]


@pytest.mark.parametrize("numbers", [False, True], ids=["times", "numbers of mia.js"])
@pytest.mark.parametrize(("status", "age", "stays"), AGES)
async def test_devices_that_nobody_uses_go(
    vault: Vault, status: Any, age: timedelta, stays: bool, numbers: bool
) -> None:
    at: Any = vault.clock.at - age
    device = await vault.add_device(status=status, last_modified=at)
    if numbers:
        change = {"$set": {"lastModified": int(at.timestamp() * 1000)}}
        await vault.app.db[Device].raw.update_one({"id": device.id}, change)
    await vault.app.run_cron("generic-removeDevices")
    assert await vault.app.db[Device].exists({"id": device.id}) is stays


# Registering is open to everybody, so few may come


@pytest.mark.parametrize("path", ["/vault/1/devices", "/vault/2/devices", "/strict/devices"])
async def test_RATE_6_registering_has_a_strict_limit_of_its_own(mongo_url: str, path: str) -> None:
    """Without a word of the route's author: thirty a minute from one address, over all routes; three where one says so."""
    async with open_vault(mongo_url) as vault:
        most = 3 if path.startswith("/strict") else 30
        replies = [await register(vault, path) for _ in range(most + 2)]
        assert [reply.status for reply in replies] == [200] * most + [429] * 2
        assert replies[-1].json()["errors"][0]["code"] == "RateLimitExceeded"
        assert {"retry-after", "timestamp"} <= replies[-1].headers.keys()
        assert replies[0].headers["x-rate-limit-remaining"] == str(most - 1)
        assert (await register(vault, "/vault/2/devices")).status == (200 if most == 3 else 429)
        assert await vault.app.db[Device].count() == 2 + most + (most == 3)
        assert (await vault.send(vault.v1("PUT", f"/vault/1/devices/{DEVICE_ID}"))).status == 200


async def test_RATE_6_the_demo_registers_few_and_serves_on(mongo_url: str) -> None:
    async with make_app("projects/demo", mongo=mongo_url) as app:
        statuses = [(await app.client.post("/demo-auth/v1/devices", json={})).status for _ in range(32)]
        assert statuses == [200] * 30 + [429] * 2
        assert (await app.client.get("/demo-auth/v1/services")).status == 200


async def test_RATE_6_addresses_of_one_network_count_as_one(mongo_url: str) -> None:
    """E01: an IPv6 client owns a whole /64; and what it says itself of its address does not count."""
    async with open_vault(mongo_url, trusted_proxies=["127.0.0.1"]) as vault:
        for number in range(3):
            spoofed = f"10.0.0.{number}, 2001:db8::{number:x}"
            assert (await register(vault, "/strict/devices", x_forwarded_for=spoofed)).status == 200
        assert (await register(vault, "/strict/devices", x_forwarded_for="2001:db8::ffff")).status == 429
        assert (await register(vault, "/strict/devices", x_forwarded_for="2001:db8:0:1::1")).status == 200
