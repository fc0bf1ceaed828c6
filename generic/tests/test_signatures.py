"""Signatures, pure: vectors of mia.js, of RFC 9421 and our own; what cannot be parsed; what is covered."""

from __future__ import annotations

import json
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from generic.libs.message_signature import build_base, matches_digest, parse_signature
from generic.libs.signature_v1 import KeyV1, hash_body_v1, parse_key_v1, sign_v1
from generic.libs.signature_v2 import build_message_v2, parse_key_v2, sign_v2

VECTORS = json.loads((Path(__file__).parents[2] / "docs" / "reference" / "signature-vectors.json").read_text())
DEVICE, SECRET_ID = VECTORS["device_id"], VECTORS["1.0"]["secret_id"]
SECRET, KEY = VECTORS["1.0"]["secret"], bytes.fromhex(VECTORS["2.0"]["key"])


def headers_of(case: dict[str, Any]) -> dict[bytes, bytes]:
    found = {name.lower().encode(): value.encode() for name, value in case["headers"].items()}
    kind = {b"content-type": case["content_type"].encode()} if case["content_type"] else {}
    return {b"host": urlsplit(case["url"]).netloc.encode(), **kind, **found}


def is_accepted(case: dict[str, Any]) -> bool:
    """What the server computes from the request, against what it carries."""
    url, body, headers = urlsplit(case["url"]), b64decode(case["body"]), headers_of(case)
    target = url.path.encode(), url.query.encode()
    if case["form"] == "1.0":
        key = parse_key_v1(case["headers"]["key"])
        assert key is not None
        return sign_v1(key, SECRET, case["method"], case["url"], hash_body_v1(body)) == key.signature
    if case["form"] == "2.0":
        signed = parse_key_v2(case["headers"]["key"])
        assert signed is not None
        rest = *target, headers.get(b"content-type", b""), sha256(body).digest()
        return sign_v2(KEY, build_message_v2(signed, case["method"], headers[b"host"], *rest)) == signed.signature
    wanted = parse_signature(case["headers"]["Signature-Input"], case["headers"]["Signature"])
    assert wanted is not None
    base = build_base(wanted, case["method"], url.scheme, *target, headers)
    assert base is not None
    fits = matches_digest(case["headers"]["Content-Digest"], sha256(body).digest())
    return fits and sign_v2(KEY, base) == wanted.signed.signature


@pytest.mark.parametrize("case", VECTORS["cases"], ids=[f"{case['form']} {case['name']}" for case in VECTORS["cases"]])
def test_SIG_12_own_vectors(case: dict[str, Any]) -> None:
    assert is_accepted(case)


def test_SIG_12_there_are_a_hundred_vectors_and_sixty_for_the_forms_of_a_target() -> None:
    forms = [case for case in VECTORS["cases"] if case["name"].startswith("GET, ")]
    assert len(VECTORS["cases"]) >= 100
    assert len(forms) >= 60


MIA = [
    pytest.param(
        "GET",
        "https://mydomain.com/api/v1/service?my=first&parameter=settings",
        b"",
        "c444df0cf92e714133c99a9caf9ed0102757018ea27eb9587932c56a5b7f79dd",
        id="GET",
    ),
    pytest.param(
        "POST",
        "http://localhost:3000/demo-auth/v1/todo",
        b'{"name":"Buy MILK"}',
        "0e956f721642195a34620249f0a603144cecaa558acdc3db578d917e39e80921",
        id="POST",
    ),
]


@pytest.mark.parametrize(("method", "url", "body", "expected"), MIA)
def test_vectors_of_mia_js(method: str, url: str, body: bytes, expected: str) -> None:
    key = parse_key_v1(f"{DEVICE}{SECRET_ID}1420070400{expected}")
    assert key == KeyV1(DEVICE, SECRET_ID, "1420070400", expected.encode())
    assert sign_v1(key, SECRET, method, url, hash_body_v1(body)).decode() == expected


def test_the_body_hash_of_mia_js() -> None:
    expected = "6dc132b062887a90fe56c046a13d315678e2c903d2271ca66e33a3b688214433"
    assert hash_body_v1(b'{"name":"Buy MILK"}') == expected == hash_body_v1(b'{"NAME":"buy milk"}')
    assert hash_body_v1(b"") == ""


def test_a_body_that_is_no_text_is_hashed_as_it_is() -> None:
    assert hash_body_v1(b"\xff\x01A") == sha256(b"\xff\x01A").hexdigest()
    assert hash_body_v1(b"\xff\x01A") != hash_body_v1(b"\xfe\x01A")


def test_SIG_12_the_vector_of_RFC_9421_B_2_5() -> None:
    key = b64decode("uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==")
    base = (
        b'"date": Tue, 20 Apr 2021 02:07:55 GMT\n"@authority": example.com\n"content-type": application/json\n'
        b'"@signature-params": ("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"'
    )
    assert sign_v2(key, base) == b64decode("pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=")


def test_SIG_12_the_base_of_RFC_9421_is_built_line_by_line() -> None:
    names = '("date" "@method" "@path" "@query" "@authority" "content-type" "content-length")'
    parameters = f'{names};created=1618884473;keyid="{DEVICE}.{SECRET_ID}";nonce="0123456789abcdef"'
    wanted = parse_signature(f"sig1={parameters}", f"sig1=:{'A' * 43}=:")
    assert wanted is not None
    headers = {
        b"host": b"Example.com:443",
        b"date": b"Tue, 20 Apr 2021 02:07:56 GMT",
        b"content-type": b" application/json ",
        b"content-length": b"18",
    }
    assert (
        build_base(wanted, "POST", "https", b"/foo", b"param=Value&Pet=dog", headers)
        == (
            b'"date": Tue, 20 Apr 2021 02:07:56 GMT\n"@method": POST\n"@path": /foo\n"@query": ?param=Value&Pet=dog\n'
            b'"@authority": example.com\n"content-type": application/json\n"content-length": 18\n"@signature-params": '
        )
        + parameters.encode()
    )


def test_the_text_of_the_docs_is_what_is_signed() -> None:
    page = (Path(__file__).parents[2] / "docs" / "howto" / "signed-requests.md").read_text()
    signed = parse_key_v2(f"{DEVICE}{SECRET_ID}1420070400{'0' * 32}{'0' * 64}")
    assert signed is not None
    message = build_message_v2(signed, "GET", b"api.example.com", b"/shop/orders", b"page=2", b"", sha256().digest())
    assert f"```text\n{message.decode()}```" in page


GOOD = (
    f'sig1=("@method" "@authority" "@path" "@query");created=1420070400;keyid="{DEVICE}.{SECRET_ID}";nonce="{"0" * 16}"'
)
SIGNATURE = f"sig1=:{'A' * 43}=:"


def test_a_message_signature_needs_no_alg() -> None:
    wanted = parse_signature(GOOD, SIGNATURE)
    assert wanted is not None
    assert (wanted.signed.timestamp, wanted.expires, wanted.covers_body) == (1420070400, None, False)


REFUSED = {
    "two signatures": (f"{GOOD}, {GOOD.replace('sig1', 'sig2')}", SIGNATURE),
    "two values": (GOOD, f"{SIGNATURE}, sig2=:{'A' * 43}=:"),
    "another label": (GOOD, SIGNATURE.replace("sig1", "sig2")),
    "no signature": (GOOD, ""),
    "a short signature": (GOOD, "sig1=:AAAA:"),
    "SIG-8 alg none": (GOOD + ';alg="none"', SIGNATURE),
    "SIG-8 alg md5": (GOOD + ';alg="hmac-md5"', SIGNATURE),
    "SIG-8 alg of another kind": (GOOD + ';alg="rsa-v1_5-sha256"', SIGNATURE),
    "SIG-8 alg twice": (GOOD + ';alg="none";alg="hmac-sha256"', SIGNATURE),
    "SIG-1 another text of the same bytes": (GOOD, SIGNATURE[:-3] + chr(ord(SIGNATURE[-3]) + 1) + "=:"),
    "no created": (GOOD.replace(";created=1420070400", ""), SIGNATURE),
    "created as text": (GOOD.replace("created=1420070400", 'created="1420070400"'), SIGNATURE),
    "expires as text": (GOOD + ';expires="9"', SIGNATURE),
    "no nonce": (GOOD.replace(f';nonce="{"0" * 16}"', ""), SIGNATURE),
    "a short nonce": (GOOD.replace("0" * 16, "0" * 15), SIGNATURE),
    "a long nonce": (GOOD.replace("0" * 16, "0" * 65), SIGNATURE),
    "no keyid": (GOOD.replace(f';keyid="{DEVICE}.{SECRET_ID}"', ""), SIGNATURE),
    "another keyid": (GOOD.replace(".", ":"), SIGNATURE),
    "an unknown parameter": (GOOD + ';extra="1"', SIGNATURE),
    "a name twice": (GOOD.replace('"@query"', '"@query" "@query"'), SIGNATURE),
    "a parameter of a name": (GOOD.replace('"@query"', '"@query";req'), SIGNATURE),
    "blanks that are not canonical": (GOOD.replace('" "', '"  "', 1), SIGNATURE),
    "SIG-7 without @method": (GOOD.replace('"@method" ', ""), SIGNATURE),
    "SIG-7 without @authority": (GOOD.replace('"@authority" ', ""), SIGNATURE),
    "SIG-7 without @path": (GOOD.replace('"@path" ', ""), SIGNATURE),
    "SIG-7 without @query": (GOOD.replace(' "@query"', ""), SIGNATURE),
    "nothing": ("", ""),
}


@pytest.mark.parametrize(("signature_input", "signature"), REFUSED.values(), ids=list(REFUSED))
def test_a_message_signature_outside_the_profile_is_refused(signature_input: str, signature: str) -> None:
    assert parse_signature(signature_input, signature) is None


def test_a_covered_header_must_be_there() -> None:
    wanted = parse_signature(GOOD.replace(' "@query"', ' "@query" "date"'), SIGNATURE)
    assert wanted is not None
    assert build_base(wanted, "GET", "http", b"/", b"", {b"host": b"a"}) is None


DIGEST = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"
DIGESTS = [
    pytest.param(DIGEST, True, id="of the body"),
    pytest.param(f"sha-512=:{'A' * 86}==:, {DIGEST}", True, id="beside another one"),
    pytest.param(DIGEST.replace("sha-256", "SHA-256"), False, id="capitals"),
    pytest.param(f"{DIGEST}, {DIGEST}", False, id="twice"),
    pytest.param(DIGEST.replace("47DE", "57DE"), False, id="of another body"),
    pytest.param(DIGEST.replace("FU=", "FV="), False, id="another text of the same bytes"),
    pytest.param("", False, id="none"),
    pytest.param("md5=:1B2M2Y8AsgTpgAmY7PhCfg==:", False, id="md5 only"),
]


@pytest.mark.parametrize(("header", "fits"), DIGESTS)
def test_content_digest(header: str, fits: bool) -> None:
    assert matches_digest(header, sha256().digest()) is fits


BROKEN_V1 = ["", "a" * 63, "a" * 73, f"{'a' * 64}142007040x{'b' * 64}", f"{'a' * 64}-142007040{'b' * 64}"]


@pytest.mark.parametrize("key", BROKEN_V1)
def test_keys_of_1_0_that_are_none(key: str) -> None:
    assert parse_key_v1(key) is None


BROKEN_V2 = {
    "short": "0" * 169,
    "long": "0" * 171,
    "capitals": "A" * 170,
    "time is no number": f"{'0' * 64}x{'0' * 105}",
    "digits of another script": f"{'0' * 64}\u0661{'0' * 105}",
    "line feed": "0" * 170 + "\n",
}


@pytest.mark.parametrize("key", BROKEN_V2.values(), ids=list(BROKEN_V2))
def test_keys_of_2_0_that_are_none(key: str) -> None:
    assert parse_key_v2(key) is None


def test_D04_bytes_cannot_move_between_the_parts_of_2_0() -> None:
    signed = parse_key_v2("0" * 170)
    assert signed is not None
    rows = [(b"ab", b"/c", b"d", b"e", b""), (b"a", b"b/c", b"d", b"e", b""), (b"ab", b"/cd", b"", b"e", b"")]
    rows += [(b"ab", b"/c", b"de", b"", b""), (b"ab", b"/c", b"", b"de", b""), (b"ab", b"/c1:d", b"", b"e", b"")]
    messages = {build_message_v2(signed, "GET", *row) for row in rows}
    assert len(messages) == len(rows)
