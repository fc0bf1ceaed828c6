"""Who decides how a signature is checked, and what a refusal gives away: D07, SIG-1 bit by bit, SIG-4, SIG-8."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from core.serve import refusals
from generic.libs import verify
from tests.signing import SECRET, Signed, Vault, code_of, shared, vault

__all__ = ["shared", "vault"]

BODY = b'{"name":"Buy MILK","note":"' + b"some more text " * 14 + b'"}'
FORMS = ["v1", "v2", "message"]


def resign(vault: Vault, request: Signed, parameters: str, method: str) -> Signed:
    """The message signed anew with other parameters, by HMAC with a hash of choice; cut or filled up to 32 bytes."""
    covered = {
        "@method": "POST", "@authority": "testserver", "@path": "/v2/json", "@query": "?",
        "content-digest": request.headers["content-digest"],
    }  # fmt: skip
    base = "".join(f'"{name}": {value}\n' for name, value in covered.items()) + f'"@signature-params": {parameters}'
    made = hmac.digest(bytes.fromhex(vault.v2_key), base.encode(), method)[:32].ljust(32, b"\0")
    signature = base64.b64encode(made).decode()
    return request.with_headers(signature_input=f"sig1={parameters}", signature=f"sig1=:{signature}:")


ALGORITHMS = [
    "none",
    "",
    "md5",
    "sha256",
    "hmac-sha1",
    "hmac-sha512",
    "HMAC-SHA256",
    "rsa-pss-sha512",
    "ed25519",
    "HS256",
]


@pytest.mark.parametrize("name", ALGORITHMS)
@pytest.mark.parametrize("method", ["sha256", "md5", "sha512"])
async def test_SIG_8_the_server_decides_on_the_algorithm(vault: Vault, name: str, method: str) -> None:
    """Signed in the way that it names, or rightly but for the name: refused."""
    request = vault.message("POST", "/v2/json", BODY)
    parameters = request.headers["signature-input"].partition("=")[2]
    changed = parameters.replace('"hmac-sha256"', f'"{name}"')
    assert changed != parameters
    assert code_of(await vault.send(resign(vault, request, changed, method))) == (401, "KeyInvalid")
    again = resign(vault, request, parameters, "sha256")
    assert again == request, "the same tools make the right one"
    unnamed = parameters.replace(';alg="hmac-sha256"', "")
    assert (await vault.send(resign(vault, request, unnamed, method))).status == (200 if method == "sha256" else 401)


@pytest.mark.parametrize("method", ["none", "md5", "sha1", "sha512", "hmac-sha256", "$ne"])
async def test_SIG_8_version_1_0_has_one_method(vault: Vault, method: str) -> None:
    request = vault.v1("GET", "/v1/items")
    named = request.with_headers(signaturemethod=method)
    assert code_of(await vault.send(named)) == (400, "ValueNotAllowed")
    assert (await vault.send(request.with_headers(signaturemethod="SHA256"))).status == 200
    if method in hashlib.algorithms_available:
        key = request.headers["key"]
        text = (key[:32] + SECRET + key[64:74] + "GEThttp://testserver/v1/items").lower()
        other = key[:74] + hashlib.new(method, text.encode()).hexdigest()
        assert code_of(await vault.send(request.with_headers(key=other))) == (401, "KeyInvalid")


def wrong(request: Signed) -> Signed:
    """The same request under a signature that differs in its last character."""
    name = "key" if "key" in request.headers else "signature"
    value = request.headers[name]
    at = len(value) - (1 if name == "key" else 4)
    return request.with_headers(**{name: value[:at] + ("0" if value[at] != "0" else "1") + value[at + 1 :]})


@pytest.fixture
def written() -> Iterator[list[str]]:
    """Everything that our loggers say, at every level; the whole process, on the wire: LOG-2."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.getMessage()} {record.__dict__}")

    handler, loggers = Keep(1), [logging.getLogger(name) for name in ("catena", "catena.access")]
    levels = [(logger, logger.level) for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(1)
    yield lines
    for logger, level in levels:
        logger.removeHandler(handler)
        logger.setLevel(level)


@pytest.mark.parametrize("form", FORMS)
async def test_D07_a_refusal_compares_in_constant_time_and_logs_nothing_expected(
    vault: Vault, form: str, written: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, two: bytes) -> bool:
        compared.append((one, two))
        return hmac.compare_digest(one, two)

    monkeypatch.setattr(verify, "compare_digest", compare)
    monkeypatch.setattr(refusals, "_PER_SECOND", 10_000)  # however many others were refused in this second
    path = "/v1/items?a=1" if form == "v1" else "/v2/items?a=1"
    request = getattr(vault, form)("GET", path)
    assert code_of(await vault.send(wrong(request))) == (401, "KeyInvalid")
    assert len(compared) == 1
    assert len({len(part) for pair in compared for part in pair}) == 1, "of one length, as bytes"
    unknown = {"secret_id": "e" * 32} if form == "v1" else {"key_id": "e" * 32}
    assert code_of(await vault.send(getattr(vault, form)("GET", path, **unknown))) == (401, "KeyInvalid")
    assert len(compared) == 2, "who guesses ids is compared as well"
    reply = await vault.send(request)
    assert reply.status == 200
    assert any("access.refused" in line for line in written)
    value = request.headers.get("key", "")[-64:] or request.headers["signature"].split(":")[1]
    secrets = [value, compared[0][0].decode("latin-1"), compared[0][0].hex(), SECRET, vault.v2_key]
    assert [secret for secret in secrets if any(secret in line for line in written)] == []
    assert value not in f"{reply.headers}{reply.body!r}"


def flip(text: bytes) -> Iterator[bytes]:
    for at in range(len(text)):
        for bit in range(8):
            yield text[:at] + bytes([text[at] ^ (1 << bit)]) + text[at + 1 :]


def flipped(request: Signed) -> Iterator[tuple[str, Signed]]:
    """Every single bit of what is covered or says who signed: method, host, path, query, headers, body."""
    yield from (("method", request.with_(method=text.decode("latin-1"))) for text in flip(request.method.encode()))
    yield from (("path", request.with_(path=text.decode("latin-1"))) for text in flip(request.path.encode()))
    yield from (("body", request.with_(body=text)) for text in flip(request.body))
    for name in ("key", "signature", "signature-input", "content-digest"):
        value = request.headers.get(name, "").encode()
        yield from ((name, request.with_headers(**{name: text.decode("latin-1")})) for text in flip(value))
    yield from (("host", request.with_headers(host=text.decode("latin-1"))) for text in flip(b"testserver"))


def is_same(form: str, what: str, request: Signed, changed: Signed) -> bool:
    """What a form cannot tell, documented: letter case in 1.0; that of the host and the label in RFC 9421."""
    if form == "message":
        return what == "host" and changed.headers["host"].lower() == "testserver"

    def seen(one: Signed) -> Any:
        key = one.headers["key"]
        body = one.body.decode("utf-8", "replace").lower()
        return one.path.lower(), body, one.headers.get("host", "testserver").lower(), key[:74] + key[74:].lower()

    return form == "v1" and what != "method" and seen(request) == seen(changed)


@pytest.mark.parametrize("form", FORMS)
async def test_SIG_1_every_single_bit_counts(vault: Vault, form: str) -> None:
    """Of a POST with a body of 240 bytes; accepted is only what the form cannot tell, and only once in all."""
    request: Signed = getattr(vault, form)("POST", f"/{'v1' if form == 'v1' else 'v2'}/json?b=2&a=One", BODY)
    vault.app.client.raise_errors, sent, same = False, 0, []
    for what, changed in flipped(request):
        if is_same(form, what, request, changed):
            same.append(changed)
            continue
        try:
            reply = await vault.send(changed)
        except UnicodeError:
            continue
        sent += 1
        assert 400 <= reply.status < 500, (what, changed)
    assert (await vault.send(request)).status == 200
    assert {(await vault.send(changed)).status for changed in same} <= {401, 405}, (
        "it counts once, however it is written"
    )
    assert sent > 2_500
    print(f"{form}: {sent} refused, {len(same)} that it takes as the same request")
