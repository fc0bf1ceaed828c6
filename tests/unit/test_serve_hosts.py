"""Host names, wildcards, and names that nobody answers to."""

from __future__ import annotations

import pytest

from core.errors import HTTPError, Misdirected
from core.serve.hosts import Hosts, Listeners
from core.serve.request import Request
from core.settings import Certificate, Host, Http, Https, ServerSettings

HOSTS = Hosts(
    [
        Host("all", ["*"]),
        Host("sub", ["*.Example.com", "*.b.example.com"]),
        Host("api", ["api.example.com", "API.example.com", "localhost"]),
        Host("second", ["api.example.com."]),
    ]
)

CASES = {
    "api.example.com": ("api", "second", "sub", "all"),
    "x.example.com": ("sub", "all"),
    "x.y.example.com": ("sub", "all"),
    "a.b.example.com": ("sub", "all"),
    "example.com": ("all",),
    "notexample.com": ("all",),
    "localhost": ("api", "all"),
    "[::1]": ("all",),
    "": ("all",),
}


@pytest.mark.parametrize(("name", "ids"), CASES.items(), ids=CASES.keys())
def test_hosts_from_the_most_specific_name_on(name: str, ids: tuple[str, ...]) -> None:
    assert HOSTS.resolve(name) == ids


@pytest.mark.parametrize("name", ["evil.com", "api.example.com.evil.com", "example.com", "xapi.example.com", "*", ""])
def test_http_3_unknown_names_are_421(name: str) -> None:
    hosts = Hosts([Host("api", ["api.example.com"])])
    assert hosts.resolve("api.example.com") == ("api",)
    with pytest.raises(Misdirected) as caught:
        hosts.resolve(name)
    assert caught.value.status == 421


def test_without_hosts_every_name_is_served() -> None:
    assert Hosts().resolve("anything") == ()


TLS = Https([Certificate("a", "b")], port=8443)
NAMED = [Host("api", ["api.example.com", "*.shop.example"]), Host("any", ["*"])]


def enter(listener: Http, name: str, path: str = "/a%20b", method: str = "GET", query: bytes = b"") -> HTTPError | str:
    settings = ServerSettings(listen=[listener, TLS], hosts=NAMED)
    listeners = Listeners(settings, Hosts(NAMED))
    request = Request(method, path, raw_path=path.encode(), query_string=query)
    try:
        return listeners.enter(request, name, listener.port)
    except HTTPError as error:
        return error


REDIRECTS = {
    "a known name": (Http(80, redirect=True), "api.example.com", "https://api.example.com:8443/a%20b"),
    "below a wildcard": (Http(80, redirect=True), "x.shop.example", "https://x.shop.example:8443/a%20b"),
    "a port of its own": (
        Http(80, redirect=True, redirect_port=443),
        "api.example.com",
        "https://api.example.com/a%20b",
    ),
    "port 80 stays": (Http(81, redirect=True, redirect_port=80), "api.example.com", "https://api.example.com:80/a%20b"),
    "one host for all": (
        Http(80, redirect=True, redirect_host="www.example"),
        "evil.com",
        "https://www.example:8443/a%20b",
    ),
    "a fallback": (
        Http(80, redirect=True, redirect_fallback_host="www.example"),
        "evil.com",
        "https://www.example:8443/a%20b",
    ),
    "unknown": (Http(80, redirect=True), "evil.com", None),
}


@pytest.mark.parametrize(("listener", "name", "location"), REDIRECTS.values(), ids=REDIRECTS)
def test_HTTP_3_redirects_to_https_only_where_the_name_is_known(
    listener: Http, name: str, location: str | None
) -> None:
    for _ in range(3):  # mia.js added a colon each time
        answer = enter(listener, name)
        assert isinstance(answer, HTTPError)
        assert (answer.status, answer.headers.get("Location")) == ((301, location) if location else (421, None))


def test_redirects_keep_method_query_and_health() -> None:
    listener = Http(80, redirect=True, redirect_host="www.example", redirect_port=443)
    found = [enter(listener, "x", method=method, query=b"a=1&b=%0d") for method in ("GET", "HEAD", "POST", "OPTIONS")]
    assert [answer.status for answer in found if isinstance(answer, HTTPError)] == [301, 301, 308, 308]
    assert {answer.headers["Location"] for answer in found if isinstance(answer, HTTPError)} == {
        "https://www.example/a%20b?a=1&b=%0d"
    }
    assert enter(listener, "x", path="/health/live") == "x@http"


@pytest.mark.parametrize("path", ["//evil.com", "/@evil.com", "/\\evil.com", "/%0d%0aSet-Cookie:x", "/a\x85b"])
def test_HTTP_10_no_path_leads_a_redirect_elsewhere(path: str) -> None:
    answer = enter(Http(80, redirect=True, redirect_host="www.example"), "x", path=path)
    assert isinstance(answer, HTTPError)
    location = answer.headers["Location"]
    assert location.startswith("https://www.example:8443/")
    assert location.isascii()
    assert not set(location) & set("\r\n\\ ")


def test_hosts_bound_to_a_listener_are_nobody_on_another() -> None:
    hosts = Hosts([Host("inside", ["a.example"], listeners=["admin"]), Host("api", ["a.example", "b.example"])])
    assert hosts.resolve("a.example@admin") == ("inside", "api")
    assert hosts.resolve("a.example@http") == ("api",)
    only = Hosts([Host("inside", ["a.example"], listeners=["admin"])])
    with pytest.raises(Misdirected):
        only.resolve("a.example@http")
    settings = ServerSettings(listen=[Http(1, name="admin"), Http(2)], hosts=[Host("x", ["*"], listeners=["admin"])])
    listeners = Listeners(settings, hosts)
    request = Request("GET", "/")
    assert listeners.needed
    assert [listeners.enter(request, "a", port) for port in (1, 2, 99)] == ["a@admin", "a@http", "a@http"]
