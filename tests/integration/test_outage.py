"""DB-4, DB-5: a whole server whose database has lost its quorum, or whose connections are all taken."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.applications import write_files
from tests.mongo import wait_until
from tests.rig.load import finish_load, get_request, start_load
from tests.rig.replica_set import replica_set
from tests.server import Answer, Server, start_server

pytestmark = pytest.mark.alone

MIB = 1024 * 1024
FILES = {
    "config/test.py": """
        from core import CronSettings, Log, Mongo, Overload, ServerSettings, env

        main = Mongo(url=env("CATENA_MONGO_URL"), name="outage", pool_size=env("CATENA_POOL", default=50))
        settings = ServerSettings(
            databases={"main": main}, cron=CronSettings(enabled=False), log=Log(format="json"),
            overload=Overload(max_lag_ms=10_000),
        )
    """,
    "projects/outage/models/thing.py": """
        from core import Model

        class Thing(Model, identity="outage-thing", collection="things"):
            name: str = ""
    """,
    "projects/outage/controllers/things.py": """
        from core import Context, Controller
        from projects.outage.models.thing import Thing

        things = Controller("outage-things")
        SLOW = [
            {"$project": {"x": {"$range": [0, 1_000_000]}}}, {"$unwind": "$x"},
            {"$project": {"y": {"$range": [0, 1000]}}}, {"$unwind": "$y"}, {"$count": "n"},
        ]

        @things.get()
        async def read(ctx: Context) -> bool:
            return await ctx.db[Thing].get("a", coalesce=False) is not None

        @things.post()
        async def write(ctx: Context) -> None:
            await ctx.db[Thing].insert(Thing(name="a"))

        @things.put()
        async def stall(ctx: Context) -> int:
            return len(await ctx.db[Thing].aggregate([{"$limit": 1}, *SLOW]))
    """,
    "projects/outage/routes/api.py": """
        from core import Path, Route, Routes
        from projects.outage.controllers.things import read, stall, write

        api = Routes(group="outage", paths=[Path(
            "/thing", get=Route("read", chain=[read]), post=Route("write", chain=[write]), put=Route("stall", chain=[stall])
        )])
    """,
}


def ask(server: Server, method: str) -> tuple[Answer, float]:
    """An answer, and how long it took in seconds."""
    started = time.monotonic()
    return server.request(method, "/thing"), time.monotonic() - started


def is_said_well(answer: Answer) -> bool:
    """A 503 in the envelope that names when to come back and nothing of the inside."""
    (error,) = answer.json()["errors"]
    return (
        (answer.status, error["code"]) == (503, "ServiceUnavailable")
        and int(answer.headers["retry-after"]) > 0
        and b"127.0.0.1" not in answer.body
    )


def resident_bytes(server: Server) -> int:
    pages = Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]
    return int(pages) * 4096


def seconds_until(condition: Callable[[], bool], timeout_s: float = 30) -> float:
    started = time.monotonic()
    wait_until(condition, timeout_s)
    return time.monotonic() - started


def test_DB_4_without_a_quorum_503_in_time_and_back_with_it(own_root: Path, mongod_binary: Path) -> None:
    write_files(own_root, FILES)
    with (
        replica_set(mongod_binary) as rs,
        start_server(own_root, measured=True, CATENA_MONGO_URL=rs.url()) as server,
        ThreadPoolExecutor(8) as threads,
    ):
        assert [ask(server, method)[0].status for method in ("POST", "GET")] == [200, 200]
        primary = rs.primary()
        ended = [primary, rs.secondary()]
        for member in ended:
            member.kill()
        noticed_s = seconds_until(lambda: server.get("/health/ready").status == 503)
        sizes, slowest = [], []
        for _ in range(2):
            load = start_load(server.port, get_request("/thing"), rate=60, duration_s=3, timeout_s=10)
            answers = list(threads.map(lambda method: ask(server, method), ["GET", "POST"] * 4))
            alive = server.get("/health/live")
            result = finish_load(load)
            assert alive.status == 200
            assert all(is_said_well(answer) for answer, _ in answers)
            assert result.refused == result.offered, result
            slowest.append(max(elapsed_s for _, elapsed_s in answers))
            sizes.append(resident_bytes(server))
        for member in ended:
            member.start()
        rs.primary()
        back_s = seconds_until(lambda: ask(server, "POST")[0].status == ask(server, "GET")[0].status == 200)
        server.wait_for("/health/ready")
        grown = (sizes[1] - sizes[0]) / MIB
        print(f"503 after {slowest} s, not ready after {noticed_s:.2f} s, back after {back_s:.2f} s, {grown:+.1f} MiB")
        assert min(slowest) <= 4.5
        assert noticed_s <= 5
        assert back_s <= 5
        assert grown < 3
        assert "Traceback" not in server.output
        assert server.output.count("database 'main' is down") == server.output.count("database 'main' is up") - 1 == 1


def test_DB_5_an_exhausted_pool_is_503_within_half_a_second_and_no_deadlock(own_root: Path, mongo_url: str) -> None:
    write_files(own_root, FILES)
    with (
        start_server(own_root, measured=True, CATENA_MONGO_URL=mongo_url, CATENA_POOL="2") as server,
        ThreadPoolExecutor(40) as threads,
    ):
        assert ask(server, "POST")[0].status == 200
        stalled = [threads.submit(ask, server, "PUT") for _ in range(2)]
        wait_until(lambda: ask(server, "GET")[0].status == 503)
        waited = list(threads.map(lambda _: ask(server, "GET"), range(30)))
        assert all(is_said_well(answer) for answer, _ in waited)
        print(f"waited {min(s for _, s in waited):.2f} to {max(s for _, s in waited):.2f} s")
        assert min(elapsed_s for _, elapsed_s in waited) < 0.7
        assert max(elapsed_s for _, elapsed_s in waited) < 3  # the calls in front take five seconds
        assert all(is_said_well(one.result()[0]) for one in stalled)
        wait_until(
            lambda: {answer.status for answer, _ in threads.map(lambda _: ask(server, "GET"), range(40))} == {200}
        )
