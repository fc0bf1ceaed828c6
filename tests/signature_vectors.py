"""Makes docs/reference/signature-vectors.json with the Python client of the docs: `python -m tests.signature_vectors`.

In: requests as they go over the wire. Out: their signatures in the three forms. Every case of a form has a signature
of its own, unless its name says that the form cannot tell it from another one.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.signing import DEVICE_ID, SECRET, SECRET_ID, client
from tests.tree import ROOT

FILE = ROOT / "docs" / "reference" / "signature-vectors.json"
KEY = bytes(range(32)).hex()
NONCE, SECONDS = "0" * 32, 1420070400
HOST = "https://api.example.com"

URLS = {
    "plain": "/shop/orders",
    "root": "/",
    "trailing slash": "/shop/orders/",
    "query": "/shop/orders?page=2",
    "query in another order": "/shop/orders?b=2&a=1",
    "query in order": "/shop/orders?a=1&b=2",
    "repeated parameter": "/shop/orders?a=1&a=2",
    "repeated parameter, turned": "/shop/orders?a=2&a=1",
    "empty value": "/shop/orders?a=",
    "no value": "/shop/orders?a",
    "empty parameter": "/shop/orders?&a=1",
    "plus": "/shop/orders?a=b+c",
    "escaped blank": "/shop/orders?a=b%20c",
    "escaped plus": "/shop/orders?a=b%2Bc",
    "escaped slash in query": "/shop/orders?a=%2F",
    "slash in query": "/shop/orders?a=/",
    "escaped letter": "/shop/%41",
    "letter": "/shop/A",
    "escape in capitals": "/shop/%C3%84",
    "NFC": "/shop/%C3%A9",
    "NFD": "/shop/e%CC%81",
    "not UTF-8": "/shop/orders?a=%FF",
    "second question mark": "/shop/orders?a=?",
    "semicolon": "/shop/orders;x=1",
    "dot": "/shop/a.b",
    "tilde": "/shop/~a",
    "escaped tilde": "/shop/%7Ea",
    "colon": "/shop/a:b",
    "long": "/shop/orders?a=" + "x" * 500,
}
BODIES: dict[str, tuple[bytes, str]] = {
    "JSON": (b'{"name":"Buy MILK"}', "application/json"),
    "JSON with another blank": (b'{"name": "Buy MILK"}', "application/json"),
    "JSON beyond ASCII": ('{"name":"\u00c4\u00d6 \u0130 \u03a3\u03a3"}'.encode(), "application/json; charset=utf-8"),
    "empty object": (b"{}", "application/json"),
    "form": (b"a=1&b=%C3%84", "application/x-www-form-urlencoded"),
    "text": ("Z\u00fcrich\r\n".encode(), "text/plain; charset=utf-8"),
}


def make_vectors() -> dict[str, Any]:
    """The content of the file."""
    requests = [(f"GET, {name}", "GET", HOST + url, b"", "") for name, url in URLS.items()]
    requests += [(f"POST, {name}", "POST", f"{HOST}/shop/orders", *body) for name, body in BODIES.items()]
    for method in ("HEAD", "PUT", "PATCH", "DELETE"):
        requests.append((f"{method}, plain", method, f"{HOST}/shop/orders", b"", ""))
    requests += [
        ("GET, http", "GET", "http://api.example.com/shop/orders", b"", ""),
        ("GET, port", "GET", "https://api.example.com:8443/shop/orders", b"", ""),
        ("GET, another host", "GET", "https://api.example.org/shop/orders", b"", ""),
    ]
    cases = [case for request in requests for case in _make_cases(*request)]
    mia = [
        ("mia.js, GET", "GET", "https://mydomain.com/api/v1/service?my=first&parameter=settings", b""),
        ("mia.js, POST", "POST", "http://localhost:3000/demo-auth/v1/todo", b'{"name":"Buy MILK"}'),
    ]
    cases += [_make_cases(*request, "application/json" if request[3] else "")[0] for request in mia]
    who = {"device_id": DEVICE_ID, "seconds": SECONDS, "nonce": NONCE}
    v1 = {"secret_id": SECRET_ID, "secret": SECRET}
    return {**who, "1.0": v1, "2.0": {"key_id": SECRET_ID, "key": KEY}, "cases": cases}


def _make_cases(name: str, method: str, url: str, body: bytes, content_type: str) -> list[dict[str, Any]]:
    request = {"method": method, "url": url, "content_type": content_type, "body": base64.b64encode(body).decode()}
    v1 = client.sign_v1(DEVICE_ID, SECRET_ID, SECRET, method, url, body, SECONDS)
    v2 = client.sign_v2(DEVICE_ID, SECRET_ID, KEY, method, url, body, content_type, SECONDS, NONCE)
    message = client.sign_message(DEVICE_ID, SECRET_ID, KEY, method, url, body, SECONDS, NONCE)
    return [
        {"name": name, "form": "1.0", **request, "headers": {"key": v1}},
        {"name": name, "form": "2.0", **request, "headers": {"key": v2}},
        {"name": name, "form": "message", **request, "headers": message},
    ]


def format_vectors() -> str:
    """The text of the file: one case a line."""
    vectors = make_vectors()
    cases = ",\n  ".join(json.dumps(case) for case in vectors.pop("cases"))
    return json.dumps(vectors)[:-1] + f', "cases": [\n  {cases}\n]}}\n'


if __name__ == "__main__":
    FILE.write_text(format_vectors(), encoding="utf-8")
