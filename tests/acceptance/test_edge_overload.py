"""A server under more load than it can bear: it says so, recovers, and tells what holds it up (LOAD-1 … -4, -6).

How much it still answers is a matter of the machine: `tests/chaos/test_overload.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.edge import edge_server
from tests.mongo import wait_until
from tests.rig.load import finish_load, get_request, run_load, start_load
from tests.rig.raw_http import raw_connection
from tests.server import Server

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with edge_server("", measured=True) as running:
        yield running


def test_LOAD_1_LOAD_2_more_than_it_can_bear_is_refused_and_it_recovers(server: Server) -> None:
    """5 ms of CPU for each of 1,000 requests a second, on one core at best."""
    load = start_load(server.port, get_request("/edge/burn"), 1000, 4)
    with raw_connection(server.port, 60) as connection:
        connection.send("GET", "/health/live")  # never refused
        assert connection.read().status == 200
    found = finish_load(load)
    assert found.good > 0
    assert found.refused > found.late, "most are told to come back; few wait in vain"
    assert set(found.statuses) == set()
    wait_until(lambda: [server.get("/edge/burn").status for _ in range(10)] == [200] * 10)


def test_LOAD_1_a_refusal_names_when_to_come_back(server: Server) -> None:
    load = start_load(server.port, get_request("/edge/burn"), 1000, 4)
    refusals = []
    with raw_connection(server.port, 60) as connection:

        def is_refused() -> bool:
            connection.send("GET", "/edge/burn", Host="localhost")
            answer = connection.read()
            refusals.append(answer)
            return answer.status == 503

        wait_until(is_refused)
        answer = refusals[-1]
        assert 1 <= int(answer.headers["retry-after"]) <= 3
        assert answer.json()["errors"][0]["code"] == "ServiceUnavailable"
        assert not answer.is_last  # the connection is kept
    finish_load(load)


def test_LOAD_3_nobody_is_refused_below_capacity(server: Server) -> None:
    """A tenth of what one core does; a busy machine may take the time for more than that."""
    loads = (run_load(server.port, get_request("/edge/burn"), 20, 4) for _ in range(3))
    found = next((load for load in loads if load.refused <= 0.001 * load.offered), None)
    assert found is not None
    assert found.failed == 0 and set(found.statuses) == set()


def test_LOAD_4_nothing_is_started_for_clients_that_are_gone(server: Server) -> None:
    """Clients that send a request and leave while the loop is held up, of a server that knows that it is."""
    started = server.log.parent / "started.log"
    server.get("/edge/burn")

    def count_started() -> int:
        before = started.stat().st_size
        server.get("/edge/block")  # from here on it looks who is still there
        with raw_connection(server.port, 60) as connection:
            connection.send("GET", "/edge/block")
            for _ in range(40):
                with raw_connection(server.port) as gone:
                    gone.send("GET", "/edge/burn")
            assert connection.read().status in {200, 503}
        assert server.get("/health/live").status == 200
        return started.stat().st_size - before

    assert min(count_started() for _ in range(3)) <= 2


def test_LOAD_6_what_blocks_the_loop_is_reported_with_its_route(server: Server) -> None:
    assert server.get("/edge/block").status == 200

    def reports() -> list[dict[str, str]]:
        lines = [json.loads(line) for line in server.output.splitlines() if '"server.blocked"' in line]
        return [line for line in lines if line["route"] == "GET /edge/block"]

    wait_until(reports)
    assert "edge.py:" in reports()[0]["place"]
