"""Host names, wildcards, and names that nobody answers to."""

from __future__ import annotations

import pytest

from core.errors import Misdirected
from core.serve.hosts import Hosts
from core.settings import Host

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
