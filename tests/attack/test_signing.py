"""Attacks on signed requests, by the ids of the checklist: D01 to D08, B07, B08, E01, SIG-1, SIG-5."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from generic.models.device import Device
from generic.models.secret import SharedSecret
from generic.models.seen_request import SeenRequest
from tests.mutations import mutate, same_to_v1
from tests.signing import (
    DEVICE_ID,
    OTHER_SECRET,
    OTHER_SECRET_ID,
    SECRET_ID,
    STATIC_KEY,
    Signed,
    Vault,
    code_of,
    open_vault,
    shared,
    vault,
)

__all__ = ["shared", "vault"]

BODY = b'{"name":"Buy MILK","note":"some more text, so that there is something to change","count":12}'
#: of each form, 20,000 in all; tests/chaos runs as many of each
MUTATIONS = 7_000
FORMS = ["v1", "v2", "message"]


def prefix_of(form: str) -> str:
    return "/v1" if form == "v1" else "/v2"


async def count_accepted(vault: Vault, form: str, seed: int, count: int) -> tuple[int, int]:
    """How many changed requests were sent; fails on the first that is accepted and should not be."""
    prefix, skipped, sent = prefix_of(form), 0, 0
    plain = getattr(vault, form)("GET", f"{prefix}/items/Some/%C3%84?b=2&a=One%20Two&c=3")
    loaded = getattr(vault, form)("POST", f"{prefix}/json?b=2&a=One", BODY)
    vault.app.client.raise_errors = False
    for request in (plain, loaded):
        for what, changed in itertools.islice(mutate(request, seed), count // 2):
            if form == "v1" and same_to_v1(request, changed):
                skipped += 1
                continue
            if form == "message" and _is_same_message(request, changed):
                skipped += 1
                continue
            try:
                reply = await vault.send(changed)
            except UnicodeError:
                continue  # no client can send it
            sent += 1
            assert reply.status != 200, (form, what, changed)
            assert reply.status < 500, (form, what, changed, reply.json())
        assert (await vault.send(request)).status == 200, "the request itself is valid to the end"
    return sent, skipped


def _is_same_message(request: Signed, changed: Signed) -> bool:
    """What RFC 9421 takes as the same: letter case of the host, and a `?` without query."""

    def seen(one: Signed) -> Any:
        return one.with_headers(host=one.headers.get("host", "testserver").lower()).with_(
            path=one.path.removesuffix("?")
        )

    return bool(seen(request) == seen(changed))


@pytest.mark.parametrize("form", FORMS)
async def test_SIG_1_changed_requests_are_refused(vault: Vault, form: str) -> None:
    sent, skipped = await count_accepted(vault, form, 20261124, MUTATIONS)
    assert sent > MUTATIONS * 0.8
    assert form == "v1" or skipped < MUTATIONS // 100


def flips(text: bytes) -> list[bytes]:
    return [text[:at] + bytes([text[at] ^ (1 << bit)]) + text[at + 1 :] for at in range(len(text)) for bit in range(8)]


async def test_SIG_1_every_bit_of_a_key_counts(vault: Vault) -> None:
    request = vault.v2("GET", "/v2/items")
    for key in flips(request.headers["key"].encode()):
        if all(32 <= byte < 127 for byte in key):
            assert code_of(await vault.send(request.with_headers(key=key.decode()))) in {
                (401, "KeyInvalid"),
                (401, "KeyExpired"),
            }


@pytest.mark.parametrize("form", FORMS)
async def test_D01_the_same_signature_does_not_count_twice(vault: Vault, form: str) -> None:
    request = getattr(vault, form)("POST", f"{prefix_of(form)}/json", BODY)
    assert [(await vault.send(request)).status for _ in range(3)] == [200, 401, 401]
    key = request.headers.get("key")
    if form == "v1" and key:
        capitals = request.with_headers(key=key[:74] + key[74:].upper())
        assert code_of(await vault.send(capitals)) == (401, "KeyReplayed"), "a spelling is no new request"
        other_case = request.with_(body=BODY.lower())
        assert code_of(await vault.send(other_case)) == (401, "KeyReplayed"), "nor is what 1.0 cannot tell apart"
    if form == "message":
        two = request.with_headers(
            signature_input=request.headers["signature-input"].replace("sig1=", "sig2="),
            signature=request.headers["signature"].replace("sig1=", "sig2="),
        )
        assert code_of(await vault.send(two)) == (401, "KeyReplayed"), "a label is no new request"


async def test_D01_a_nonce_belongs_to_one_key(vault: Vault) -> None:
    """Nobody can use up the nonces of somebody else; one key cannot use one in both forms."""
    device, key_id, key = await vault.add_v2_device(status="active")
    mine = vault.v2("POST", "/v2/json", BODY, nonce="0" * 32)
    theirs = vault.v2("POST", "/v2/json", BODY, nonce="0" * 32, device=device, key_id=key_id, key=key)
    assert [(await vault.send(one)).status for one in (theirs, mine)] == [200, 200]
    message = vault.message("POST", "/v2/json", BODY, nonce="0" * 32)
    assert code_of(await vault.send(message)) == (401, "KeyReplayed")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("off", [-301, -86_400, 301, 86_400, 8_579_929_000])
async def test_D02_stale_and_future_signatures(vault: Vault, form: str, off: int) -> None:
    request = getattr(vault, form)("GET", f"{prefix_of(form)}/items", seconds=min(vault.seconds + off, 9_999_999_999))
    assert code_of(await vault.send(request)) == (401, "KeyExpired")
    for date in (request.headers.get("x", "2015-01-01T00:00:00Z"), "9999-12-31T23:59:59Z", "1970-01-01"):
        assert code_of(await vault.send(request.with_headers(requestdate=date))) == (401, "KeyExpired")


@pytest.mark.parametrize("form", ["v2", "message"])
async def test_D03_letter_case_and_blanks_count(vault: Vault, form: str) -> None:
    request = getattr(vault, form)("POST", "/v2/json?Name=Value", BODY)
    for changed in (
        request.with_(body=BODY.replace(b"MILK", b"milk")),
        request.with_(body=BODY.replace(b'":"', b'": "', 1)),
        request.with_(path="/v2/JSON?Name=Value"),
        request.with_(path="/v2/json?name=Value"),
        request.with_(path="/v2/json?Name=Value%20"),
    ):
        assert code_of(await vault.send(changed)) == (401, "KeyInvalid")
    assert (await vault.send(request)).status == 200


async def test_D03_what_1_0_cannot_protect_is_only_letter_case(vault: Vault) -> None:
    """Documented: the format puts everything into lower case. One blank more is refused."""
    request = vault.v1("GET", "/v1/items?Name=Value")
    assert (await vault.send(request.with_(path="/v1/ITEMS?name=VALUE"))).status == 200
    assert code_of(await vault.send(request.with_(path="/v1/items?Name=Value%20"))) == (401, "KeyInvalid")


@pytest.mark.parametrize("form", ["v2", "message"])
async def test_D04_bytes_cannot_move_between_fields(vault: Vault, form: str) -> None:
    request = getattr(vault, form)("GET", "/v2/items/ab?cd=ef")
    for path in ("/v2/items/a?bcd=ef", "/v2/items/abcd=ef", "/v2/items/ab/cd=ef", "/v2/items/ab?cd=e", "/v2/items/ab?"):
        assert code_of(await vault.send(request.with_(path=path))) == (401, "KeyInvalid")


async def test_D04_what_slides_in_1_0_counts_once(vault: Vault) -> None:
    """Its parts have no limits: the hash of a body may be read as the end of the path. It is one request all the same."""
    from hashlib import sha256

    body = b'{"a":1}'
    digest = sha256(body).hexdigest()
    request = vault.v1("POST", "/v1/items/x", body)
    slid = Signed("POST", f"/v1/items/x{digest}", {"key": request.headers["key"]})
    assert (await vault.send(request)).status == 200
    assert code_of(await vault.send(slid)) == (401, "KeyReplayed")


PROXY = [
    {"x_forwarded_proto": "https"},
    {"x_forwarded_host": "evil.example"},
    {"x_forwarded_prefix": "/v1"},
    {"x_original_url": "/v2/items"},
    {"x_rewrite_url": "/v2/items"},
    {"x_http_method_override": "DELETE"},
    {"forwarded": "proto=https;host=evil.example"},
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("headers", PROXY, ids=lambda headers: next(iter(headers)))
async def test_D05_headers_of_proxies_change_nothing(vault: Vault, form: str, headers: dict[str, str]) -> None:
    prefix = prefix_of(form)
    request = getattr(vault, form)("GET", f"{prefix}/items?a=1")
    assert (await vault.send(request.with_headers(**headers))).status == 200
    foreign = {"x_forwarded_proto": "https://testserver", "x_forwarded_host": "http://evil.example"}
    for name in headers.keys() & foreign.keys():
        signed_for = getattr(vault, form)("GET", f"{prefix}/items?a=1", host=foreign[name])
        if form == "v1" or name == "x_forwarded_host":
            assert code_of(await vault.send(signed_for.with_headers(**headers))) == (401, "KeyInvalid")


@pytest.mark.parametrize("form", FORMS)
async def test_D05_method_and_order_of_the_query_count(vault: Vault, form: str) -> None:
    prefix = prefix_of(form)
    request = getattr(vault, form)("GET", f"{prefix}/items?a=1&b=2")
    for changed in (
        *(request.with_(method=method) for method in ("HEAD", "POST", "PUT", "PATCH", "DELETE")),
        request.with_(path=f"{prefix}/items?b=2&a=1"),
        request.with_(path=f"{prefix}/items?a=1&b=2&a=1"),
        request.with_(path=f"{prefix}/items?a=1"),
    ):
        assert (await vault.send(changed)).status == 401
    assert (await vault.send(request)).status == 200


async def test_D05_a_header_that_comes_twice_is_not_the_one_that_was_signed(vault: Vault) -> None:
    request = vault.v2("POST", "/v2/json", BODY)
    key = request.headers["key"]
    for joined in (f"{key}, {key}", f"x, {key}", f"{key}, x"):  # as the gate joins them
        assert code_of(await vault.send(request.with_headers(key=joined))) == (401, "KeyInvalid")
    json = "application/json; charset=utf-8"
    assert code_of(await vault.send(request.with_headers(content_type=json))) == (401, "KeyInvalid"), "A07"


@pytest.mark.parametrize("form", ["v2", "message"])
async def test_D06_a_key_signs_for_its_own_device_only(vault: Vault, form: str) -> None:
    device, _, _ = await vault.add_v2_device(status="active")
    request = getattr(vault, form)("GET", "/v2/items", device=device)
    assert code_of(await vault.send(request)) == (401, "KeyInvalid")
    assert code_of(await vault.send(getattr(vault, form)("GET", "/v2/items", device=DEVICE_ID))) == (401, "KeyInvalid")


async def test_D06_a_device_replaces_and_revokes_its_own_keys_only(vault: Vault) -> None:
    device, key_id, _ = await vault.add_v2_device(status="active")
    assert code_of(await vault.send(vault.v2("POST", f"/vault/2/devices/{device}/keys"))) == (403, "DeviceIdInvalid")
    path = f"/vault/2/devices/{device}/keys/{key_id}"
    assert code_of(await vault.send(vault.v2("DELETE", path))) == (403, "DeviceIdInvalid")


async def test_D08_disabled_keys_devices_and_foreign_groups(vault: Vault) -> None:
    await vault.app.db[Device].update_one({"id": vault.v2_id}, {"$set": {"keys.0.disabled": True}})
    await vault.app.db[SharedSecret].update_one({"id": SECRET_ID}, {"$set": {"enabled": False}})
    vault.forget()
    assert code_of(await vault.send(vault.v1("GET", "/v1/items"))) == (401, "KeyInvalid")
    assert code_of(await vault.send(vault.v2("GET", "/v2/items"))) == (401, "KeyInvalid")


async def test_B07_a_key_of_one_group_opens_no_route_of_another(vault: Vault) -> None:
    await vault.add_static()
    assert code_of(await vault.send(vault.v1("GET", "/other1/items"))) == (403, "KeyInvalidForGroup")
    assert code_of(await vault.send(vault.v2("GET", "/other2/items"))) == (403, "KeyInvalidForGroup")
    assert code_of(await vault.send(vault.message("GET", "/other2/items"))) == (403, "KeyInvalidForGroup")
    static = Signed("GET", "/other1/items", {"key": STATIC_KEY})
    assert code_of(await vault.send(static)) == (403, "KeyInvalidForGroup")
    other = {"secret_id": OTHER_SECRET_ID, "secret": OTHER_SECRET}
    assert (await vault.send(vault.v1("GET", "/other1/items", **other))).status == 200, "group in capitals"
    assert code_of(await vault.send(vault.v1("GET", "/v1/items", **other))) == (403, "KeyInvalidForGroup")


VARIANTS = [
    "/V2/items",
    "/v2/items/",
    "//v2/items",
    "/v2//items",
    "/v2/./items",
    "/v2/x/../items",
    "/v2/items;x",
    "/v2%2fitems",
]


@pytest.mark.parametrize("path", VARIANTS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
async def test_B08_no_way_to_a_handler_goes_around_the_signature(vault: Vault, method: str, path: str) -> None:
    reply = await vault.send(Signed(method, path, {}))
    assert reply.status in {400, 401, 404, 405} or (method == "OPTIONS" and not reply.body)


SPOOFED = ["127.0.0.1", "127.0.0.1, 10.0.0.1", "::1", "127.0.0.1:80", '"[::1]:80"', "unknown"]


@pytest.mark.parametrize("address", SPOOFED)
@pytest.mark.parametrize("name", ["x-forwarded-for", "forwarded", "x-real-ip", "client-ip", "true-client-ip"])
async def test_E01_nobody_chooses_the_own_address(vault: Vault, name: str, address: str) -> None:
    """The client is 127.0.0.1 and no proxy is trusted: its address decides, whatever it says."""
    await vault.add_static(cidr=["10.0.0.0/8"])
    await vault.add_static(key="b" * 32, blockcidr=["127.0.0.1/32"])
    value = f"for={address}" if name == "forwarded" else address
    for key in (STATIC_KEY, "b" * 32):
        for sent in (value, value.replace("127.0.0.1", "10.0.0.1")):
            reply = await vault.send(Signed("GET", "/v1/items", {"key": key, name: sent}))
            assert code_of(reply) == (403, "IPNotAllowed")


async def test_E01_trusted_proxies_are_believed_from_the_right(mongo_url: str) -> None:
    """The proxy is 127.0.0.1: what the client itself wrote stands further left and does not count."""
    async with open_vault(mongo_url, trusted_proxies=["127.0.0.1", "192.168.0.0/16"]) as vault:
        await vault.add_static(cidr=["10.0.0.0/8"], blockcidr=["10.0.0.66/32"])

        async def ask(address: str, **headers: str) -> tuple[int, str]:
            request = Signed("GET", "/v1/items", {"key": STATIC_KEY, "x-forwarded-for": address})
            return code_of(await vault.send(request.with_headers(**headers)))

        assert await ask("10.1.2.3") == (200, "")
        assert await ask("10.1.2.3, 192.168.0.9") == (200, "")
        assert await ask("10.1.2.3, 8.8.8.8") == (403, "IPNotAllowed")
        assert await ask("10.1.2.3, 10.0.0.66") == (403, "IPNotAllowed")
        assert await ask("10.1.2.3, ::ffff:10.0.0.66") == (403, "IPNotAllowed"), "IPv4-mapped addresses are blocked"
        signed = vault.v1("GET", "/v1/items", host="https://testserver")
        assert code_of(await vault.send(signed)) == (401, "KeyInvalid")
        behind = signed.with_headers(x_forwarded_for="10.1.2.3", x_forwarded_proto="https")
        assert code_of(await vault.send(behind)) == (200, "")
        spoofed = signed.with_headers(x_forwarded_for="10.1.2.3", x_forwarded_proto="https, http")
        assert code_of(await vault.send(spoofed)) == (401, "KeyInvalid"), "the proxy wrote http"


async def test_SIG_5_requests_that_differ_on_the_wire_share_no_signature(vault: Vault) -> None:
    """Every form of a target under the signature of every other."""
    targets = [
        "/items/a/b", "/items/a%2Db", "/items/a-b", "/items/A-b", "/items/a+b", "/items/a%20b", "/items/a?x=1&y=2",
        "/items/a?y=2&x=1", "/items/a?x=1&x=2", "/items/a?x=2&x=1", "/items/a?x=", "/items/a?x", "/items/a?&x",
        "/items/a?x=%C3%A9", "/items/a?x=e%CC%81", "/items/a?x=%FF", "/items/a", "/items/a/", "/items/a?x=+",
        "/items/a?x=%20", "/items/a?x=%2B",
    ]  # fmt: skip
    for form in ("v2", "message"):
        signed = {target: getattr(vault, form)("GET", f"/v2{target}") for target in targets}
        for one, two in itertools.product(targets, targets):
            expected = 200 if one == two else 401
            assert (await vault.send(signed[one].with_(path=f"/v2{two}"))).status == expected, (form, one, two)


async def test_what_follows_the_standard_makes_no_difference(vault: Vault) -> None:
    """RFC 9421: letter case of the host, the default port and a `?` without query."""
    request = vault.message("GET", "/v2/items")
    for changed in (request.with_headers(host="TestServer:80"), request.with_(path="/v2/items?")):
        assert (await vault.send(changed)).status == 200
    assert (await vault.send(request.with_headers(host="testserver:443"))).status == 401


async def test_an_operator_is_no_key(vault: Vault) -> None:
    await vault.add_static()
    for key in ('{"$ne":null}', "$ne", "{$gt:''}" + " " * 23, "." * 32):
        assert code_of(await vault.send(Signed("GET", "/v1/items", {"key": key}))) == (401, "KeyInvalid")


async def test_nothing_is_written_for_those_who_are_refused(vault: Vault) -> None:
    before = await vault.app.db[Device].raw.find().to_list()
    for path, request in (("/v1/json", vault.v1), ("/v2/json", vault.v2), ("/v2/json", vault.message)):
        for _, changed in itertools.islice(mutate(request("POST", path, BODY), 1), 30):
            try:
                await vault.send(changed.with_headers(key="0" * 170) if "key" in changed.headers else changed)
            except UnicodeError:
                continue
    assert await vault.app.db[SeenRequest].count() == 0
    assert await vault.app.db[Device].raw.find().to_list() == before
