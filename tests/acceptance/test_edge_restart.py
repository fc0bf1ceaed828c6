"""LIFE-1: a rolling restart under load loses no request, on new and on kept connections; without retries."""

from __future__ import annotations

import signal

from tests.edge import edge_root, start_edge
from tests.mongo import wait_until
from tests.rig.load import finish_load, get_request, start_load

CLOSING = b"GET /edge/tell HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
#: restarts of both workers while the load goes on
RESTARTS = 2


def test_LIFE_1_rolling_restarts_lose_nothing() -> None:
    with edge_root("overload=None") as root, start_edge(root, "--workers", "2", measured=True) as server:
        kept = start_load(server.port, get_request("/edge/tell"), 100, 16, timeout_s=5)
        fresh = start_load(server.port, CLOSING, 60, 16, timeout_s=5)
        for number in range(RESTARTS):
            server.process.send_signal(signal.SIGHUP)
            wait_until(lambda count=number + 1: server.output.count("worker.restarted") >= count, timeout_s=30)
        for load in (kept, fresh):
            found = finish_load(load)
            assert (found.failed, found.late, found.refused, dict(found.statuses)) == (0, 0, 0, {})
            assert found.good == found.offered
        assert server.stop() == 0
