"""`generic-validateAccessKey` 1.0 and 2.0 over the whole application and a real MongoDB: order, codes, headers."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from core.testing import make_app
from generic.libs.signed_body import NO_BODY, read_signed_body
from generic.models.device import Device
from generic.models.secret import SharedSecret
from tests.signing import (
    DEVICE_ID,
    HOST,
    OTHER_SECRET,
    OTHER_SECRET_ID,
    SECRET,
    SECRET_ID,
    START,
    Signed,
    Vault,
    code_of,
    shared,
    vault,
)

__all__ = ["shared", "vault"]

BODY = b'{"name":"Buy MILK"}'


# 1.0


async def test_mia_js_vector_is_accepted(mongo_url: str) -> None:
    """The vector of mia.js for POST, with its host, time and path, against the demo."""
    async with make_app("projects/demo", mongo=mongo_url, clock=lambda: START) as app:
        await app.db[SharedSecret].insert(SharedSecret(id=SECRET_ID, secret=SECRET, groups=["demo"]))
        await app.db[Device].insert(Device(id=DEVICE_ID, status="active"))
        signature = "0e956f721642195a34620249f0a603144cecaa558acdc3db578d917e39e80921"
        headers = {"key": f"{DEVICE_ID}{SECRET_ID}1420070400{signature}", "host": "localhost:3000"}
        headers["content-type"] = "application/json"
        sent = {"content": BODY, "headers": headers}
        assert code_of(await app.client.post("/demo-auth/v1/todo", **sent)) == (200, "")
        assert code_of(await app.client.post("/demo-auth/v1/todo", **sent)) == (401, "KeyReplayed")


WHERE = ["/v1", "/both", "/turned", "/migrating"]


@pytest.mark.parametrize("prefix", WHERE)
@pytest.mark.parametrize("capitals", [False, True], ids=["small", "capitals"])
async def test_a_signature_of_1_0_opens(vault: Vault, prefix: str, capitals: bool) -> None:
    for request in (vault.v1("GET", f"{prefix}/items?a=%C3%84"), vault.v1("POST", f"{prefix}/json", BODY)):
        key = request.headers["key"]
        sent = request.with_headers(key=key[:74] + key[74:].upper()) if capitals else request
        reply = await vault.send(sent)
        assert code_of(reply) == (200, "")
        assert reply.json()["response"]["device"] == DEVICE_ID
        assert reply.headers["timestamp"] == str(vault.seconds * 1000)


def broken(key: str, at: int, text: str) -> str:
    return key[:at] + text + key[at + len(text) :]


V1_REFUSED: list[Any] = [
    pytest.param(lambda v: {"key": None}, 400, "MissingRequiredParameter", id="no key"),
    pytest.param(lambda v: {"signaturemethod": "md5"}, 400, "ValueNotAllowed", id="another method"),
    pytest.param(lambda v: {"requestdate": "yesterday"}, 400, "UnexpectedType", id="no date"),
    pytest.param(lambda v: {"key": "a" * 40}, 401, "KeyInvalid", id="short key"),
    pytest.param(lambda v: {"key": "a" * 33 + "b" * 40}, 401, "KeyInvalid", id="no time"),
    pytest.param(lambda v: {"key": "a" * 64 + "142007040x" + "b" * 64}, 401, "KeyInvalid", id="time is no number"),
    pytest.param(lambda v: {"key": broken(v.v1("GET", "/v1/items").headers["key"], 32, "d" * 32)}, 401, "KeyInvalid", id="unknown secret"),
    pytest.param(lambda v: v.v1("GET", "/v1/items", secret_id=OTHER_SECRET_ID, secret=OTHER_SECRET).headers, 403, "KeyInvalidForGroup", id="secret of another group"),
    pytest.param(lambda v: v.v1("GET", "/v1/items", secret="e" * 32).headers, 401, "KeyInvalid", id="another secret"),
    pytest.param(lambda v: v.v1("GET", "/v1/items", device="f" * 32).headers, 401, "DeviceIdInvalid", id="unknown device"),
    pytest.param(lambda v: v.v1("GET", "/v1/items?x=1").headers, 401, "KeyInvalid", id="another url"),
    pytest.param(lambda v: v.v1("POST", "/v1/items").headers, 401, "KeyInvalid", id="another verb"),
    pytest.param(lambda v: v.v1("GET", "/v1/items", host="https://testserver").headers, 401, "KeyInvalid", id="another scheme"),
    pytest.param(lambda v: {"key": v.v2("GET", "/v1/items").headers["key"]}, 401, "KeyInvalid", id="a key of 2.0"),
    pytest.param(lambda v: {"key": "\u00e4" * 138}, 401, "KeyInvalid", id="no ASCII"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "status", "code"), V1_REFUSED)
async def test_1_0_refuses(vault: Vault, change: Any, status: int, code: str) -> None:
    reply = await vault.send(vault.v1("GET", "/v1/items").with_headers(**change(vault)))
    assert code_of(reply) == (status, code)
    assert ("timestamp" in reply.headers) is (status != 400)
    realm = 'Token realm="http://testserver/v1"' if status == 401 else None
    assert reply.headers.get("www-authenticate") == realm


WINDOW = [(-300, True), (-301, False), (-299, True), (299, True), (300, True), (301, False)]
WINDOW += [(-400_000_000, False), (8_579_929_599, False)]


@pytest.mark.parametrize(("off", "accepted"), WINDOW, ids=[str(off) for off, _ in WINDOW])
@pytest.mark.parametrize("form", ["v1", "v2", "message"])
async def test_SIG_3_the_window_is_300_s_either_way(vault: Vault, form: str, off: int, accepted: bool) -> None:
    path = "/v1/items" if form == "v1" else "/v2/items"
    seconds = min(max(vault.seconds + off, 0), 9_999_999_999)
    reply = await vault.send(getattr(vault, form)("GET", path, seconds=seconds))
    assert code_of(reply) == ((200, "") if accepted else (401, "KeyExpired"))
    assert reply.headers["timestamp"] == str(vault.seconds * 1000)


async def test_SIG_3_the_window_is_exact_to_the_millisecond(vault: Vault) -> None:
    request = vault.v1("GET", "/v1/items", seconds=vault.seconds - 300)
    assert (await vault.send(request)).status == 200
    vault.clock.pass_(0.001)
    assert code_of(await vault.send(request)) == (401, "KeyExpired")
    vault.clock.pass_(0.999)


async def test_a_device_wakes_up_when_it_signs_first(vault: Vault) -> None:
    device = await vault.add_device()
    assert device.status == "inactive"
    assert (await vault.send(vault.v1("GET", "/v1/items", device=device.id))).status == 200
    await vault.app.app.context.background.drain(5)
    stored = await vault.app.db[Device].get_by("id", device.id)
    assert stored is not None
    assert (stored.status, stored.last_modified) == ("active", vault.clock.at)


async def test_use_is_noted_once_a_day(vault: Vault) -> None:
    device = await vault.add_device(status="active", last_modified=vault.clock.at - timedelta(hours=25))
    for _ in range(3):
        assert (await vault.send(vault.v1("GET", "/v1/items", device=device.id))).status == 200
    await vault.app.app.context.background.drain(5)
    stored = await vault.app.db[Device].get_by("id", device.id)
    assert stored is not None
    assert stored.last_modified == vault.clock.at


async def test_waking_up_never_enables_a_disabled_device(vault: Vault) -> None:
    device = await vault.add_device()
    await vault.send(vault.v1("GET", "/v1/items", device=device.id))
    await vault.app.app.context.background.drain(5)
    await vault.app.db[Device].update_one({"id": device.id}, {"$set": {"status": "disabled"}})
    vault.forget()
    assert code_of(await vault.send(vault.v1("GET", "/v1/items", device=device.id))) == (403, "TemporaryDisabled")
    stored = await vault.app.db[Device].get_by("id", device.id)
    assert stored is not None
    assert stored.status == "disabled"


@pytest.mark.parametrize(
    ("sent", "offset"),
    [(None, 0), ("2014-12-31T23:00:00Z", None), ("Thu, 01 Jan 2015 00:00:10 GMT", None)],
    ids=["none", "ISO", "RFC"],
)
async def test_the_time_offset_of_a_device(vault: Vault, sent: str | None, offset: int | None) -> None:
    reply = await vault.send(vault.v1("GET", "/v1/items").with_headers(requestdate=sent))
    late = {None: 0, "2014-12-31T23:00:00Z": 1420066800, "Thu, 01 Jan 2015 00:00:10 GMT": 1420070410}[sent]
    assert reply.json()["response"]["offset"] == (round((late - vault.clock.at.timestamp()) * 1000) if sent else 0)


BODIES = {
    "json": ("/json", b'{"name": "Buy MILK"}', "application/json"),
    "form": ("/form", b"a=1&b=%C3%84", "application/x-www-form-urlencoded"),
    "text": ("/text", "Z\u00fcRICH\n".encode(), "text/plain; charset=utf-8"),
    "raw": ("/raw", b"\x00\xff\xfe binary", "application/octet-stream"),
    "unread": ("/items", b'{"a": 1}', "application/json"),
    "unread, no text": ("/items", b"\xff\x00", "application/octet-stream"),
}


@pytest.mark.parametrize("form", ["v2", "message"])
@pytest.mark.parametrize(("path", "body", "kind"), BODIES.values(), ids=list(BODIES))
async def test_SIG_6_every_body_of_2_0_is_covered(vault: Vault, form: str, path: str, body: bytes, kind: str) -> None:
    request = getattr(vault, form)("POST", f"/v2{path}", body, kind=kind)
    assert (await vault.send(request)).status == 200
    again = getattr(vault, form)("POST", f"/v2{path}", body, kind=kind)
    for other in (body[:-1], body + b" ", body.swapcase(), b""):
        if other != body:
            reply = await vault.send(again.with_(body=other))
            assert reply.status == 401 or (reply.status == 400 and path in {"/json", "/form"})


def sign_bytes(vault: Vault, path: str, body: bytes, kind: str) -> Signed:
    """1.0 over a body that may be no text, as the docs say."""
    try:
        return vault.v1("POST", path, body, kind=kind)
    except UnicodeDecodeError:
        seconds = str(vault.seconds)
        text = (DEVICE_ID + SECRET + seconds + "POST" + HOST + path + sha256(body).hexdigest()).lower()
        key = DEVICE_ID + SECRET_ID + seconds + sha256(text.encode()).hexdigest()
        return Signed("POST", path, {"key": key, "content-type": kind}, body)


@pytest.mark.parametrize(("path", "body", "kind"), BODIES.values(), ids=list(BODIES))
async def test_SIG_6_every_body_of_1_0_is_covered(vault: Vault, path: str, body: bytes, kind: str) -> None:
    request = sign_bytes(vault, f"/v1{path}", body, kind)
    for other in (body[:-1], body + b" ", b""):
        reply = await vault.send(request.with_(body=other))
        assert reply.status == 401 or (reply.status == 400 and path in {"/json", "/form"})
    assert (await vault.send(request)).status == 200


@pytest.mark.parametrize(("path", "body", "kind"), list(BODIES.values())[1:4], ids=list(BODIES)[1:4])
async def test_an_unsigned_body_is_refused_unless_the_route_allows_it(
    vault: Vault, path: str, body: bytes, kind: str
) -> None:
    """mia.js left bodies that are no JSON unsigned."""
    unsigned = vault.v1("POST", f"/v1{path}").with_headers(content_type=kind).with_(body=body)
    assert code_of(await vault.send(unsigned)) == (401, "KeyInvalid")
    allowed = vault.v1("POST", f"/open{path}").with_headers(content_type=kind).with_(body=body)
    assert (await vault.send(allowed)).status == 200


async def test_a_route_that_allows_unsigned_bodies_covers_json(vault: Vault) -> None:
    unsigned = vault.v1("POST", "/open/json").with_headers(content_type="application/json").with_(body=BODY)
    assert code_of(await vault.send(unsigned)) == (401, "KeyInvalid")


async def test_an_unread_body_is_bounded(vault: Vault) -> None:
    body = b"x" * (512 * 1024 + 1)
    assert (await vault.send(vault.v1("POST", "/v1/items", body, kind="text/plain"))).status == 413


@pytest.mark.parametrize(("version", "expected"), [("1.1", b""), ("2", b"more")], ids=["1.1", "2"])
async def test_a_body_that_need_not_be_announced_is_looked_for(vault: Vault, version: str, expected: bytes) -> None:
    """In HTTP/2 a body may come without any header that says so; in HTTP/1 there is none then."""
    pieces = [(b"mo", True), (b"re", False)]

    async def chunks() -> tuple[bytes, bool]:
        return pieces.pop(0)

    route = next(route for route in vault.app.app.context.linked.routes if route.identity == "items")
    ctx = vault.app.context(route, chunks=chunks, http_version=version)
    body = await read_signed_body(ctx)
    assert (body.raw, body.digest, body is NO_BODY) == (expected, sha256(expected).digest(), not expected)


# 2.0


@pytest.mark.parametrize("form", ["v2", "message"])
@pytest.mark.parametrize("path", ["/items", "/items?a=1&b=%C3%84", "/items/%C3%84/x", "/items?"])
async def test_a_signature_of_2_0_opens(vault: Vault, form: str, path: str) -> None:
    reply = await vault.send(getattr(vault, form)("GET", f"/v2{path}"))
    assert code_of(reply) == (200, "")
    assert reply.json()["response"]["device"] == vault.v2_id
    assert reply.headers["timestamp"] == str(vault.seconds * 1000)


@pytest.mark.parametrize("prefix", WHERE[1:])
async def test_both_versions_stand_on_one_route(vault: Vault, prefix: str) -> None:
    assert (await vault.send(vault.v2("POST", f"{prefix}/json", BODY))).status == 200
    assert (await vault.send(vault.v1("POST", f"{prefix}/json", BODY))).status == 200
    for request in (vault.v2("POST", f"{prefix}/json", BODY), vault.v1("POST", f"{prefix}/items")):
        key = request.headers["key"]
        wrong = key[:-1] + ("0" if key[-1] != "0" else "1")
        assert code_of(await vault.send(request.with_headers(key=wrong))) == (401, "KeyInvalid")


@pytest.mark.parametrize("prefix", WHERE[1:])
async def test_message_signatures_during_a_migration(vault: Vault, prefix: str) -> None:
    """Without a header `key`, which version 1.0 demands; beside one, the message signature decides."""
    request = vault.message("POST", f"{prefix}/json", BODY)
    assert (await vault.send(request)).status == 200
    assert code_of(await vault.send(request)) == (401, "KeyReplayed")
    changed = vault.message("POST", f"{prefix}/json", BODY).with_(body=b"{}")
    assert code_of(await vault.send(changed)) == (401, "KeyInvalid")
    beside = vault.v1("POST", f"{prefix}/json", BODY).with_headers(signature_input="sig1=()", signature="x")
    assert code_of(await vault.send(beside)) == (401, "KeyInvalid")


@pytest.mark.parametrize("prefix", ["/v1", "/both"])
async def test_without_any_key_version_1_0_says_what_is_missing(vault: Vault, prefix: str) -> None:
    reply = await vault.send(Signed("GET", f"{prefix}/items", {}))
    assert code_of(reply) == (400, "MissingRequiredParameter")
    assert [(item["id"], item["in"]) for item in reply.json()["errors"]] == [("key", "header")]


async def test_a_route_of_1_0_takes_no_message_signature(vault: Vault) -> None:
    request = vault.message("GET", "/v1/items")
    assert code_of(await vault.send(request)) == (401, "KeyInvalid")
    signed = vault.v1("GET", "/v1/items")
    both = request.with_headers(key=signed.headers["key"])
    assert (await vault.send(both)).status == 200, "what it does not know changes nothing"


@pytest.mark.parametrize("prefix", ["/mixed", "/dexim"])
async def test_each_version_keeps_its_own_options(vault: Vault, prefix: str) -> None:
    """1.0 admits unsigned texts, 2.0 refuses every request that comes again; whichever stands first."""
    unsigned = vault.v1("POST", f"{prefix}/text").with_headers(content_type="text/plain").with_(body=b"x")
    assert (await vault.send(unsigned)).status == 200
    for form in (vault.v2, vault.message):
        unsigned = form("POST", f"{prefix}/text").with_headers(content_type="text/plain").with_(body=b"x")
        assert code_of(await vault.send(unsigned)) == (401, "KeyInvalid")
        request = form("GET", f"{prefix}/items")
        assert [(await vault.send(request)).status for _ in range(2)] == [200, 401]
    request = vault.v1("GET", f"{prefix}/items")
    assert [(await vault.send(request)).status for _ in range(2)] == [200, 200]


V2_REFUSED: list[Any] = [
    pytest.param(lambda v: {"key": None}, id="no key"),
    pytest.param(lambda v: {"key": "x"}, id="no key of any kind"),
    pytest.param(lambda v: v.v1("GET", "/v2/items").headers, id="a key of 1.0"),
    pytest.param(lambda v: v.v2("GET", "/v2/items", device="f" * 32).headers, id="unknown device"),
    pytest.param(lambda v: v.v2("GET", "/v2/items", key_id="f" * 32).headers, id="unknown key"),
    pytest.param(lambda v: v.v2("GET", "/v2/items", key="00" * 32).headers, id="another key"),
    pytest.param(lambda v: v.v2("GET", "/v2/items?").headers | v.v2("HEAD", "/v2/items").headers, id="another verb"),
    pytest.param(lambda v: {"key": None, "signature_input": "sig1=()", "signature": "sig1=:AA==:"}, id="no profile"),
    pytest.param(lambda v: {"signature_input": "x"}, id="half a message signature beside a good key"),
]


@pytest.mark.parametrize("change", V2_REFUSED)
async def test_SIG_4_2_0_refuses_in_one_and_the_same_way(vault: Vault, change: Any) -> None:
    reply = await vault.send(vault.v2("GET", "/v2/items").with_headers(**change(vault)))
    assert reply.status == 401
    assert reply.json()["errors"] == [{"code": "KeyInvalid", "msg": "The key or signature is not valid."}]
    names = ["content-length", "content-security-policy", "content-type", "timestamp", "vary", "www-authenticate"]
    assert sorted(reply.headers) == [*names, "x-content-type-options", "x-request-id"]


async def test_SIG_7_dropping_what_must_be_covered_is_refused(vault: Vault) -> None:
    """Each is signed anew without one of the names, so that only the coverage is wrong."""
    import base64
    import hmac

    for dropped in ("@method", "@authority", "@path", "@query", "content-digest"):
        request = vault.message("POST", "/v2/json", BODY)
        covered = {
            "@method": "POST", "@authority": "testserver", "@path": "/v2/json", "@query": "?",
            "content-digest": request.headers["content-digest"],
        }  # fmt: skip
        del covered[dropped]
        parameters = request.headers["signature-input"].partition("=")[2].replace(f'"{dropped}"', "")
        parameters = parameters.replace("( ", "(").replace("  ", " ").replace(" )", ")")
        base = "".join(f'"{name}": {value}\n' for name, value in covered.items()) + f'"@signature-params": {parameters}'
        signature = hmac.digest(bytes.fromhex(vault.v2_key), base.encode(), "sha256")
        changed = request.with_headers(
            signature_input=f"sig1={parameters}", signature=f"sig1=:{base64.b64encode(signature).decode()}:"
        )
        assert code_of(await vault.send(changed)) == (401, "KeyInvalid"), dropped
    assert (await vault.send(vault.message("POST", "/v2/json", BODY))).status == 200


async def test_a_message_signature_may_end_earlier(vault: Vault) -> None:
    request = vault.message("GET", "/v2/items")
    late = request.with_headers(signature_input=request.headers["signature-input"] + f";expires={vault.seconds - 1}")
    assert code_of(await vault.send(late)) == (401, "KeyExpired")


async def test_a_device_that_is_disabled_and_a_key_of_another_group(vault: Vault) -> None:
    assert code_of(await vault.send(vault.v2("GET", "/other2/items"))) == (403, "KeyInvalidForGroup")
    await vault.app.db[Device].update_one({"id": vault.v2_id}, {"$set": {"status": "disabled"}})
    vault.forget()
    assert code_of(await vault.send(vault.v2("GET", "/v2/items"))) == (403, "TemporaryDisabled")
    wrong = vault.v2("GET", "/v2/items", key="00" * 32)
    assert code_of(await vault.send(wrong)) == (401, "KeyInvalid"), "403 only for those who hold the key"


async def test_a_step_may_keep_what_it_does_to_its_device_to_itself(vault: Vault) -> None:
    reply = await vault.send(vault.v2("GET", "/v2/items").with_headers(requestdate="2014-12-31T23:00:00Z"))
    assert reply.json()["response"]["offset"] != 0
    assert (await vault.send(vault.v2("GET", "/v2/items"))).json()["response"]["offset"] == 0
