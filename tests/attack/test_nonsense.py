"""VAL-1: requests that are nearly one, and bytes that are none."""

from __future__ import annotations

from tests.attack.nonsense import send_nonsense
from tests.server import Server


def test_VAL_1_five_thousand_odd_requests_are_never_a_failure(target_server: Server) -> None:
    statuses = send_nonsense(target_server, 20261128, until=lambda count: count >= 5_000)
    assert statuses[b"200"] > 10
    assert statuses[b"400"] > 100
