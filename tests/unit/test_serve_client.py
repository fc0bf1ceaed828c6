"""Who the client is: addresses behind trusted proxies, and what nobody else may say."""

from __future__ import annotations

import time

import pytest

from core.errors import BadRequest
from core.serve.client import Proxies, parse_address
from core.serve.request import Request

PROXIES = Proxies(["10.0.0.0/8", "127.0.0.1", "fd00::/8", "192.0.2.7"])


def apply(peer: str, headers: dict[str, str]) -> Request:
    index = {b"host": b"inside"} | {name.encode(): value.encode() for name, value in headers.items()}
    request = Request("GET", "/", client_ip=peer, index=index)
    PROXIES.apply(request)
    return request


FOR = "x-forwarded-for"
ADDRESSES = {
    "no header": ("10.0.0.1", {}, "10.0.0.1"),
    "one hop": ("10.0.0.1", {FOR: "1.1.1.1"}, "1.1.1.1"),
    "spoofed on the left": ("10.0.0.1", {FOR: "6.6.6.6, 1.1.1.1"}, "1.1.1.1"),
    "two trusted hops": ("10.0.0.1", {FOR: "6.6.6.6, 1.1.1.1, 10.2.3.4, 192.0.2.7"}, "1.1.1.1"),
    "only trusted ones": ("10.0.0.1", {FOR: "10.0.0.3, 10.0.0.2"}, "10.0.0.3"),
    "peer not trusted": ("9.9.9.9", {FOR: "1.1.1.1", "forwarded": "for=2.2.2.2"}, "9.9.9.9"),
    "peer in IPv6 clothes": ("::ffff:10.0.0.1", {FOR: "1.1.1.1"}, "1.1.1.1"),
    "hop in IPv6 clothes": ("10.0.0.1", {FOR: "1.1.1.1, ::ffff:10.0.0.2"}, "1.1.1.1"),
    "client in IPv6 clothes": ("10.0.0.1", {FOR: "::ffff:1.1.1.1"}, "1.1.1.1"),
    "IPv6 spelled long": ("fd00::1", {FOR: "2001:DB8:0:0:0:0:0:1"}, "2001:db8::1"),
    "with ports": ("10.0.0.1", {FOR: "1.1.1.1:80, [fd00::2]:443"}, "1.1.1.1"),
    "no address": ("10.0.0.1", {FOR: "unknown"}, "10.0.0.1"),
    "no address further left": ("10.0.0.1", {FOR: "1.1.1.1, x, 10.0.0.2"}, "10.0.0.2"),
    "empty": ("10.0.0.1", {FOR: ""}, "10.0.0.1"),
    "octal and short forms": ("10.0.0.1", {FOR: "010.0.0.1"}, "10.0.0.1"),
    "RFC 7239": ("10.0.0.1", {"forwarded": 'for=6.6.6.6, For="1.1.1.1:80";by=x, for="[fd00::2]:1"'}, "1.1.1.1"),
    "hidden client": ("10.0.0.1", {"forwarded": "for=_hidden, for=10.0.0.2"}, "10.0.0.2"),
    "unclosed quote": ("10.0.0.1", {"forwarded": 'for="1.1.1.1'}, "10.0.0.1"),
    "comma in quotes": ("10.0.0.1", {"forwarded": 'for=1.1.1.1;by="a,b for=2.2.2.2"'}, "1.1.1.1"),
    "both agree": ("10.0.0.1", {FOR: "1.1.1.1", "forwarded": "for=1.1.1.1"}, "1.1.1.1"),
    "many hops": ("10.0.0.1", {FOR: ", ".join(["1.1.1.1"] + ["10.0.0.9"] * 500)}, "10.0.0.9"),
}


@pytest.mark.parametrize(("peer", "headers", "expected"), ADDRESSES.values(), ids=ADDRESSES)
def test_HTTP_4_e01_address_of_the_client(peer: str, headers: dict[str, str], expected: str) -> None:
    assert apply(peer, headers).client_ip == expected


def test_HTTP_4_e01_two_headers_that_contradict_each_other_are_refused() -> None:
    """Which of them the proxy wrote cannot be known, and the other one is the client's own word."""
    with pytest.raises(BadRequest):
        apply("10.0.0.1", {FOR: "1.1.1.1", "forwarded": "for=10.0.0.77"})


PLACES = {
    "both": ({"x-forwarded-proto": "https", "x-forwarded-host": "api.example:8443"}, ("https", "api.example:8443")),
    "in any case": ({"x-forwarded-proto": "HTTPS"}, ("https", "inside")),
    "no such scheme": ({"x-forwarded-proto": "javascript"}, ("http", "inside")),
    "no host": ({"x-forwarded-host": "a b"}, ("http", "inside")),
    "the right-most": ({FOR: "1.1.1.1", "x-forwarded-proto": "http, https"}, ("https", "inside")),
    "at the place of the client": (
        {FOR: "1.1.1.1, 10.0.0.2", "x-forwarded-proto": "x, https, http", "x-forwarded-host": "a, b, c"},
        ("https", "b"),
    ),
    "RFC 7239": (
        {"forwarded": 'for=1.1.1.1;proto=https;host="api.example:1", for=10.0.0.2'},
        ("https", "api.example:1"),
    ),
    "both kinds": (
        {FOR: "1.1.1.1", "x-forwarded-proto": "https", "forwarded": "for=1.1.1.1;proto=https"},
        ("https", "inside"),
    ),
    "one kind, and the word of the client": (
        {FOR: "1.1.1.1", "x-forwarded-proto": "http", "forwarded": "for=1.1.1.1;proto=https;host=admin"},
        ("http", "inside"),
    ),
    "the word of the client, and one kind": (
        {"forwarded": "for=1.1.1.1", FOR: "1.1.1.1", "x-forwarded-host": "admin", "x-forwarded-proto": "https"},
        ("http", "inside"),
    ),
}


@pytest.mark.parametrize(("headers", "expected"), PLACES.values(), ids=PLACES)
def test_HTTP_4_scheme_and_host_of_the_client(headers: dict[str, str], expected: tuple[str, str]) -> None:
    found = apply("10.0.0.1", headers)
    assert (found.scheme, found.host) == expected
    untouched = apply("9.9.9.9", headers)
    assert (untouched.scheme, untouched.host) == ("http", "inside")


HOSTILE = ['"\\' * 4000, "for=" * 2000, "," * 8000, ";" * 8000, 'for="' * 1500, "=" * 8000]


@pytest.mark.parametrize("text", HOSTILE, ids=[text[:5] for text in HOSTILE])
def test_e01_hostile_headers_cost_little(text: str) -> None:
    started = time.process_time()
    assert apply("10.0.0.1", {"forwarded": text, FOR: text}).client_ip == "10.0.0.1"
    assert time.process_time() - started < 0.025


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.2.3.4", "1.2.3.4"),
        ("[::1]:80", "::1"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("fe80::1%eth0", "fe80::1"),
        ("x", "None"),
    ],
)
def test_addresses_are_read_in_one_spelling(text: str, expected: str) -> None:
    assert str(parse_address(text)) == expected
