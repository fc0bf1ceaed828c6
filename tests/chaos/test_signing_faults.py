"""Signed requests while the database changes its primary and servers die: one of many equal requests is accepted."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.acceptance.test_signing_process import BODY, keys_under_load, post, register, sign_v2
from tests.rig.replica_set import ReplicaSet, replica_set
from tests.server import start_server
from tests.signing import VAULT


@pytest.fixture
def root() -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix="catena-"))
    shutil.copytree(VAULT, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    yield root
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def rs(mongod_binary: Path) -> Iterator[ReplicaSet]:
    with replica_set(mongod_binary) as running:
        yield running


def test_SIG_2_once_through_fail_overs_and_restarts(root: Path, rs: ReplicaSet) -> None:
    """50 in parallel over 4 processes, 1,000 one after another, a step-down, a killed primary, a restart."""
    url = rs.url("vault")
    keys: list[str] = []
    accepted: dict[str, int] = {}

    def fire(count: int) -> None:
        def one(_: int) -> None:
            for key in keys:
                status = post(server, "/v2/json", key).status
                assert status in {200, 401, 503}
                accepted[key] = accepted.get(key, 0) + (status == 200)

        with ThreadPoolExecutor(50) as pool:
            list(pool.map(one, range(count)))

    with start_server(root, CATENA_MONGO_URL=url, CATENA_WORKERS="4") as server:
        port, device = server.port, register(server, "2")
        keys.append(sign_v2(server, device, "POST", "/v2/json", BODY))
        fire(50)
        fire(1_000)
        for disturb in (rs.step_down, lambda: rs.primary().kill()):
            keys.append(sign_v2(server, device, "POST", "/v2/json", BODY))
            with ThreadPoolExecutor(1) as pool:
                disturbing = pool.submit(disturb)
                fire(50)
                disturbing.result()
            fire(50)
    with start_server(root, port=port, CATENA_MONGO_URL=url, CATENA_WORKERS="4") as server:
        fire(50)
    assert set(accepted.values()) <= {0, 1}
    assert accepted[keys[0]] == 1


def test_SIG_10_keys_change_under_1000_requests_a_second(root: Path, mongo_url: str, database_name: str) -> None:
    keys_under_load(root, mongo_url.replace("/?", f"/{database_name}?"), rate=1_000, duration_s=20)


def test_SIG_9_a_hundred_thousand_bad_requests_leave_no_trace(root: Path, mongo_url: str, database_name: str) -> None:
    """Over HTTP on a keep-alive connection; what they cost is printed."""
    import http.client
    import time

    from pymongo import MongoClient

    url = mongo_url.replace("/?", f"/{database_name}?")
    with ExitStack() as stack:
        server = stack.enter_context(start_server(root, measured=True, CATENA_MONGO_URL=url, CATENA_LOG_LEVEL="warn"))
        database = stack.enter_context(MongoClient(url)).get_default_database()
        device = register(server, "2")
        key = sign_v2(server, device, "POST", "/v2/json", BODY)
        wrong = key[:-1] + ("0" if key[-1] != "0" else "1")
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)

        def cpu_s() -> float:
            fields = Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / 100

        used, began = cpu_s(), time.monotonic()
        count = 100_000
        for number in range(count):
            forged = wrong if number % 2 else f"{number:064x}{wrong[64:]}"
            connection.request("POST", "/v2/json", BODY, {"key": forged, "content-type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 401
        connection.close()
        cost_ms = (cpu_s() - used) * 1000 / count
        print(f"{count} refused in {time.monotonic() - began:.0f} s, {cost_ms:.3f} ms of CPU each")
        assert database["seenRequests"].count_documents({}) == 0
        assert database["devices"].count_documents({}) == 1
        assert cost_ms <= 1
        assert post(server, "/v2/json", key).status == 200
