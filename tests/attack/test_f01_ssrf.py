"""F01, EGR-2, EGR-3: whatever a URL looks like, nothing connects to an address that is not public.

Checked where it counts: a hook on `socket.connect` sees every attempt, a listener on loopback every arrival.
"""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus, urlsplit

import pytest
from aiohttp import web

from core.declare.upstream import Upstream
from core.errors import BadGateway, BadRequest
from core.http.egress import Guard, Unusable, is_public
from tests.upstreams import client_for, say_ok, serve_upstream

LOOPBACK = [
    "127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "2130706433", "017700000001", "0x7f000001", "0x7f.1", "0177.0.0.1",
    "0x7f.0x0.0x0.0x1", "127.0.0.1.", "localhost", "LOCALHOST", "localhost.", "0", "0.0.0.0", "0x0", "00000000000",
    "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[::7f00:1]",
    "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2002:7f00:0001::1]",
    "[2001:0:7f00:1::]", "[2001::ffff:ffff:80ff:fffe]", "[::ffff:0:127.0.0.1]", "[fe80::1]", "[fe80::1%25lo]", "[fe80::1%lo]",
    "127。0。0。1", "127．0．0．1", "１２７.0.0.1", "①②⑦.0.0.1", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "127.0.0.1%00.example.com", "127.0.0.1%2f",
]  # fmt: skip
PRIVATE = [
    "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.254", "192.168.0.1", "169.254.169.254", "169.254.170.2", "100.64.0.1",
    "100.127.255.254", "192.0.0.8", "192.0.0.170", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.19.255.254", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "0.1.2.3", "167772161", "0xa.1", "2852039166",
    "0xa9fea9fe", "025177524776", "[fc00::1]", "[fd00:ec2::254]", "[fec0::1]", "[ff02::1]", "[2001:db8::1]", "[3fff::1]", "[5f00::1]",
    "[100::1]", "[::ffff:10.0.0.1]", "[::ffff:a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b::10.0.0.1]", "[2002:a9fe:a9fe::1]",
    "[2002:0a00:0001::]", "[::10.0.0.1]", "[2001:0:a00:1::]", "[2001:10::1]", "[2001:2::1]", "metadata.google.internal", "router.lan",
]  # fmt: skip
FORMS = [
    "http://{}/", "http://{}:80/", "http://{}:{}/x", "https://{}/", "http://user@{}/", "http://user:pass@{}/", "http://example.com@{}/",
    "http://{}#@example.com/", "http://{}?@example.com/", "http://example.com\\@{}/", "HTTP://{}/", "http://{}\\.example.com/",
]  # fmt: skip
OTHER = [
    "file:///etc/passwd", "gopher://127.0.0.1:11211/_x", "ftp://127.0.0.1/", "dict://127.0.0.1:11211/stats", "ldap://127.0.0.1/", "data:,x",
    "javascript:1", "//127.0.0.1/", "/etc/passwd", "127.0.0.1", "", " ", "http:", "http:/127.0.0.1/", "http:127.0.0.1", "http:///127.0.0.1/",
    "http://", "http://:80/", "http://[::1", "http://::1/", "http://[::1]x/", "http://127.0.0.1:0/", "http://127.0.0.1:65536/", "http://127.0.0.1:x/",
    "http://127.0.0.1:-1/", "http://127.0.0.1\r\nHost: x/", "http://127.0.0.1/\r\nX: y", "http://127.0.0.1\t/", "http://127.0.0.1 /", "\x00http://127.0.0.1/",
    "http://127.0.0.1\x00.example.com/", "unix:///var/run/docker.sock", "http+unix://%2Fvar%2Frun%2Fdocker.sock/", "ws://127.0.0.1/", "tcp://127.0.0.1/",
]  # fmt: skip


def corpus(port: int) -> list[str]:
    plain = [f"http://{host}:{port}/" for host in (*LOOPBACK, *PRIVATE)]
    return [*plain, *(form.format(host, port) for form in FORMS for host in ("127.0.0.1", "[::1]")), *OTHER]


@pytest.fixture
def connects(monkeypatch: pytest.MonkeyPatch, mongo_url: str) -> list[Any]:
    """Every place that a socket was told to connect to.

    But for the socket of the tests' database: drivers of other tests watch it from threads of their own.
    """
    places: list[Any] = []
    original = socket.socket.connect
    database = unquote_plus(urlsplit(mongo_url).netloc)

    def connect(self: socket.socket, place: Any) -> None:
        if place != database:
            places.append(place)
        original(self, place)

    monkeypatch.setattr(socket.socket, "connect", connect)
    return places


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Names and what they lead to, one answer after the other; literals in any spelling are resolved as ever."""
    known = {"metadata.google.internal": ["169.254.169.254"], "router.lan": ["192.168.1.1"]}
    original = socket.getaddrinfo

    def look_up(host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        name = (host.decode() if isinstance(host, bytes) else host).lower().rstrip(".")
        answers = known.get(name, ["127.0.0.1"] if name == "localhost" else [])
        if not answers and any(letter in "ghijklmnopqrstuvwyz" for letter in name):
            raise socket.gaierror(socket.EAI_NONAME, "no such name")  # nothing here asks a name server
        if not answers:
            return original(host, port, *rest, **options)
        address = answers.pop(0) if len(answers) > 1 else answers[0]
        return [info for part in address.split() for info in original(part, port, type=socket.SOCK_STREAM)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


async def test_EGR_2_f01_no_spelling_of_an_address_connects(connects: list[Any], resolve: dict[str, list[str]]) -> None:
    async with serve_upstream(say_ok) as server, client_for("", breaker=None, retries=0, timeout_s=2) as client:
        urls = corpus(server.port)
        assert len(urls) >= 140
        for url in urls:
            with pytest.raises((BadRequest, BadGateway)):
                print(url, (await client.get(url)).status)
        assert server.requests == []
    assert connects == []


async def test_the_hook_overlooks_nothing_but_the_database(connects: list[Any], mongo_url: str, own_root: Path) -> None:
    places = [unquote_plus(urlsplit(mongo_url).netloc), str(own_root / "m.sock"), ("127.0.0.1", 9)]
    for place in places:
        with socket.socket(socket.AF_UNIX if isinstance(place, str) else socket.AF_INET) as one, suppress(OSError):
            one.connect(place)
    assert connects == places[1:]


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_EGR_3_f01_only_the_address_that_was_looked_at_is_called(
    scheme: str, resolve: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is public for the first look-up and private for the next; and one with both at once."""
    asked: list[str] = []

    def refuse(self: socket.socket, place: Any) -> None:
        asked.append(place[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", refuse)
    resolve["rebind.test"] = ["93.184.216.34", "127.0.0.1"]
    resolve["both.test"] = ["127.0.0.1 93.184.216.34 ::1"]
    async with client_for("", breaker=None, retries=0, timeout_s=2) as client:
        for name in ("rebind.test", "rebind.test", "rebind.test", "both.test"):
            with pytest.raises(BadGateway):
                await client.get(f"{scheme}://{name}/")
            client._session.connector.clear_dns_cache()  # type: ignore[union-attr]
    assert set(asked) == {"93.184.216.34"}


async def test_f01_redirects_are_checked_hop_by_hop(connects: list[Any], resolve: dict[str, list[str]]) -> None:
    resolve["inside.test"] = ["127.0.0.1"]

    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": targets[int(request.path[1:])]})

    async with serve_upstream(say_ok) as inside, serve_upstream(handler) as server:
        all_targets = [*corpus(inside.port), f"http://inside.test:{inside.port}/"]
        targets = [target for target in all_targets if "://" in target and not set("\r\n\x00") & set(target)]
        async with client_for(server.url, redirects=3, breaker=None, retries=0, timeout_s=2) as client:
            for at in range(len(targets)):
                with pytest.raises(BadGateway):
                    print(targets[at], (await client.get(f"/{at}")).status)
        assert inside.requests == []
    assert {place[1] for place in connects} == {server.port}


async def test_f01_a_name_that_leads_into_the_own_network_needs_leave(resolve: dict[str, list[str]]) -> None:
    resolve["orders.internal"] = ["127.0.0.1"]
    async with serve_upstream(say_ok) as server:
        url = f"http://orders.internal:{server.port}"
        async with client_for(url) as client:
            with pytest.raises(BadGateway):
                await client.get("/")
        async with client_for(url, allow_networks=["127.0.0.0/8"]) as client:
            assert (await client.get("/")).status == 200


async def test_EGR_2_a_connection_of_one_upstream_serves_no_other_one(resolve: dict[str, list[str]]) -> None:
    resolve["orders.internal"] = ["127.0.0.1"]
    async with serve_upstream(say_ok) as server:
        url = f"http://orders.internal:{server.port}/"
        async with client_for(url, allow_networks=["127.0.0.0/8"]) as own, client_for("") as hooks:
            assert (await own.get("/")).status == 200
            with pytest.raises(BadGateway):
                await hooks.get(url)


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:8080", "http://localhost:8080/x", "http://[::1]:8080"])
def test_f01_the_address_that_is_written_down_is_allowed_on_its_port_only(base_url: str) -> None:
    guard = Guard(Upstream("x", base_url=base_url))
    address, family = ("::1", socket.AF_INET6) if "[" in base_url else ("127.0.0.1", socket.AF_INET)
    guard.open_socket((family, socket.SOCK_STREAM, 6, "", (address, 8080))).close()
    for place in ((address, 8081), ("10.0.0.1", 8080)):
        with pytest.raises(Unusable):
            guard.open_socket((family, socket.SOCK_STREAM, 6, "", place))


PUBLIC = [
    "8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2001:4860:4860::8888", "64:ff9b::808:808", "::ffff:8.8.8.8",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_called(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    Guard(Upstream("x")).open_socket((family, socket.SOCK_STREAM, 6, "", (address, 443))).close()


@pytest.mark.parametrize("address", ["2002:808:808::1", "2001:0:808:808::f7f7:f7f7"], ids=["6to4", "Teredo"])
def test_f01_a_tunnel_is_no_place_of_the_internet_wherever_it_leads(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
