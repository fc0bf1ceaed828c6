"""DB-2, DB-10: primaries killed under load, and a database that is slow and loses answers."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from pathlib import Path
from urllib.parse import unquote

from pymongo import MongoClient
from pymongo.uri_parser import parse_uri

from core.errors import NotConnected
from tests.mongo import opened, wait_until
from tests.rig.load import LoadResult, get_request, run_load
from tests.rig.proxy import Fault, fault_proxy
from tests.rig.replica_set import replica_set
from tests.rig.writers import Writers
from tests.server import make_demo_root, start_server

RATE = 50
SECONDS = 20


async def test_DB_2_five_killed_primaries_lose_nothing(mongod_binary: Path) -> None:
    gaps = []
    with replica_set(mongod_binary) as rs:
        async with opened(rs.url(), "failover") as databases:
            writers = Writers(databases, 8)
            await writers.start()
            for _ in range(5):
                old = await asyncio.to_thread(rs.primary)
                await asyncio.to_thread(old.kill)
                killed_at = time.monotonic()
                before = len(writers.record.acknowledged)
                await asyncio.to_thread(wait_until, lambda: len(writers.record.acknowledged) > before, 30)  # noqa: B023
                gaps.append(time.monotonic() - killed_at)
                old.start()
                await asyncio.to_thread(rs.await_all)
                await asyncio.to_thread(time.sleep, 5)  # the load between two kills
            record = await writers.stop()
            difference, count = await writers.check()
    failed = len(record.failures)
    print(
        f"{record.operations} operations, {failed} failed, longest {record.longest_s:.2f} s, gaps {[round(gap, 1) for gap in gaps]}"
    )
    assert not difference
    assert record.increments <= count <= record.increments + failed
    assert all(isinstance(error, NotConnected) for _, error in record.failures)  # answered 503
    assert failed <= max(1, record.operations // 1000)
    assert max(gaps) <= 5


def test_DB_10_a_slow_database_is_not_asked_more_often(mongo_url: str, database_name: str) -> None:
    """200 ms more for each answer and one in a hundred lost: one question for each request, and no 503."""
    socket_path = Path(unquote(parse_uri(mongo_url)["nodelist"][0][0]))
    root = make_demo_root()
    try:
        with (
            fault_proxy(socket_path, seed=10) as proxy,
            MongoClient(mongo_url) as admin,
            start_server(
                root,
                measured=True,
                CATENA_MONGO_URL=f"mongodb://127.0.0.1:{proxy.port}/{database_name}?directConnection=true",
            ) as server,
        ):
            body = json.dumps({"name": "slow"}).encode()
            head = f"POST /demo/v1/todo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
            taken = head.encode() + b"\r\n\r\n" + body
            plain = (
                measure(admin, server.port, get_request("/demo/v1/todo?limit=1")),
                measure(admin, server.port, taken),
            )
            proxy.fault = Fault(delay_s=0.2, drop=0.01)
            slow = measure(admin, server.port, get_request("/demo/v1/todo?limit=1")), measure(admin, server.port, taken)
            print(f"per request: plain {plain[0][0]:.3f} reads {plain[1][1]:.3f} writes; ", end="")
            print(f"slow {slow[0][0]:.3f} reads {slow[1][1]:.3f} writes; {proxy.dropped} answers lost")
            print(
                f"slow reads: {slow[0][2].good} of {slow[0][2].offered}, statuses {dict(slow[0][2].statuses)}, refused {slow[0][2].refused}"
            )
            assert slow[0][0] <= plain[0][0] * 1.05
            assert slow[1][1] <= plain[1][1] * 1.05
            assert slow[0][2].good >= 0.99 * slow[0][2].offered
            proxy.fault = Fault()
            server.wait_for("/health/ready")
    finally:
        shutil.rmtree(root)


def measure(admin: MongoClient[dict[str, object]], port: int, request: bytes) -> tuple[float, float, LoadResult]:
    """Queries and inserts of the database per request, and the load itself."""
    before = admin.admin.command("serverStatus")["opcounters"]
    result = run_load(port, request, RATE, SECONDS, timeout_s=5)
    after = admin.admin.command("serverStatus")["opcounters"]
    return *((after[name] - before[name]) / result.offered for name in ("query", "insert")), result
