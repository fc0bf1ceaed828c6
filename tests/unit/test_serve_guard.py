"""How many connections one client may have (E01, E08)."""

from __future__ import annotations

import pytest

from core.serve.guard import Guard
from core.serve.response import Response
from core.settings import Limits, ServerSettings

PROXY = "192.0.2.9"


@pytest.fixture
def guard() -> Guard:
    settings = ServerSettings(limits=Limits(connections_per_address=2, connections=10))
    return Guard(settings, lambda error: Response(None, error.status), lambda address: address == PROXY)


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (["192.0.2.1"] * 3 + ["192.0.2.2"], [True, True, False, True]),
        (["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1"], [True, True, False, True]),
        (["192.0.2.1", "192.0.2.1", "::ffff:192.0.2.1"], [True, True, False]),
        ([PROXY] * 4, [True] * 4),
        ([""] * 3, [True, True, False]),
    ],
    ids=["one address", "one IPv6 network", "IPv4 in IPv6 clothes", "a trusted proxy", "no address"],
)
def test_e01_e08_a_client_has_so_many_connections(addresses: list[str], expected: list[bool], guard: Guard) -> None:
    """The owner of an IPv6 network has more addresses in it than a server has connections."""
    assert [guard.enter(address, 1) for address in addresses] == expected
    for address in addresses:
        guard.leave(address)
    assert guard.enter(addresses[0], 10)
    assert not guard.enter("192.0.2.77", 11)
