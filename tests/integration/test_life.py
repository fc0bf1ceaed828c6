"""LIFE-2, -3, -5, -6, -7: servers stopped, killed, started without a database or wrongly, or that nobody listens to."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import Any

import pytest

from core.data.embedded import EmbeddedMongo, prepare_home
from tests.applications import write_files
from tests.memcached import MemcachedProcess
from tests.mongo import wait_until
from tests.rig.checkers import compare
from tests.rig.events import read_events
from tests.rig.load import LoadResult, finish_load, get_request, start_load
from tests.server import Server, free_port, is_refused, run_command, server_command, server_environment, start_server

pytestmark = pytest.mark.alone

CONFIG = """
    from core import LOCAL, Cache, CronSettings, Log, Mongo, Overload, ServerSettings, Timeouts, env

    settings = ServerSettings(
        databases={"main": Mongo(url=env("CATENA_MONGO_URL", default=LOCAL), selection_timeout_s=1)},
        cache=Cache(servers=env("CATENA_MEMCACHED", default=[])),
        cron=CronSettings(enabled=False),
        log=Log(level="info", format="json", access=env("CATENA_ACCESS", default=False)),
        overload=Overload(max_lag_ms=10_000),
        timeouts=Timeouts(drain_s=env("CATENA_DRAIN_S", default=15.0)),
    )
"""
CONTROLLER = """
    import asyncio
    import os
    from pathlib import Path

    from core import Context, Controller
    from projects.life.models.thing import Thing
    from tests.rig.events import EventLog

    life = Controller("life-life")
    log = EventLog("events")

    @life.action("work")
    async def work(ctx: Context) -> None:
        log.write("start", run=ctx.request.id)
        await asyncio.sleep(0.05)
        log.write("end", run=ctx.request.id)

    @life.action("hold")
    async def hold(ctx: Context) -> str:
        log.write("held")
        try:
            while not Path("release").exists():
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            log.write("cancelled")
            raise
        return "done"

    @life.action("pid")
    async def pid(ctx: Context) -> int:
        return os.getpid()

    @life.action("count")
    async def count(ctx: Context) -> int:
        return await ctx.db[Thing].count()

    @life.action("cached")
    async def cached(ctx: Context) -> int:
        async def produce() -> int:
            return 7

        return (await ctx.cache.cached("key", lifetime_s=60, producer=produce)).value
"""
MODEL = """
    from core import Model

    class Thing(Model, identity="life-thing", collection="things"):
        name: str = ""
"""
ROUTES = """
    from core import Path, Route, Routes
    from projects.life.controllers.life import cached, count, hold, pid, work

    api = Routes(
        group="life",
        prefix="/life",
        paths=[
            Path("./work", get=Route("work", chain=[work])),
            Path("./hold", get=Route("hold", chain=[hold], timeout_s=60)),
            Path("./pid", get=Route("pid", chain=[pid])),
            Path("./count", get=Route("count", chain=[count])),
            Path("./cached", get=Route("cached", chain=[cached])),
        ],
    )
"""


@pytest.fixture
def life_root(own_root: Path) -> Path:
    """A root with a project of four services; in memory, unless the test says otherwise."""
    return write_files(
        own_root,
        {
            "config/test.py": CONFIG,
            "config/production.py": CONFIG,
            "projects/life/controllers/life.py": CONTROLLER,
            "projects/life/models/thing.py": MODEL,
            "projects/life/routes/api.py": ROUTES,
        },
    )


def names(root: Path) -> list[str]:
    return [event.name for event in read_events(root / "events")]


def ask_quietly(server: Server, path: str) -> int:
    """The status, or 0 when the connection ended without an answer."""
    try:
        return server.get(path).status
    except OSError:
        return 0


@pytest.fixture
def memory() -> dict[str, str]:
    return {"CATENA_LOCAL_URL": "memory"}


def test_LIFE_2_a_request_that_does_not_end_is_cut_after_the_drain_time(life_root: Path, memory: Any) -> None:
    with start_server(life_root, CATENA_DRAIN_S="1", **memory) as server, ThreadPoolExecutor() as threads:
        running = threads.submit(ask_quietly, server, "/life/hold")
        wait_until(lambda: "held" in names(life_root))
        started = time.monotonic()
        assert server.stop() == 0
        assert 0.9 < time.monotonic() - started < 4
        assert running.result(5) == 503
    assert "cancelled" in names(life_root)
    assert "Traceback" not in server.output


@pytest.mark.parametrize("workers", ["1", "2"])
def test_LIFE_2_a_second_signal_ends_at_once(workers: str, life_root: Path, memory: Any) -> None:
    with start_server(life_root, "test", "--workers", workers, **memory) as server, ThreadPoolExecutor() as threads:
        threads.submit(ask_quietly, server, "/life/hold")
        wait_until(lambda: "held" in names(life_root))
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: is_refused(server.port))  # not: accepted, and then left waiting
        started = time.monotonic()
        server.stop()
        assert time.monotonic() - started < 2
    assert "Traceback" not in server.output


START = """
    import asyncio

    from core import AppContext, init
    from tests.rig.events import EventLog

    @init()
    async def hang(app: AppContext) -> None:
        EventLog("events").write("starting")
        await asyncio.Event().wait()
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_LIFE_2_a_server_that_is_about_to_start_can_be_told_to_stop(workers: str, life_root: Path, memory: Any) -> None:
    write_files(life_root, {"projects/life/init/hang.py": START})
    with start_server(life_root, "test", "--workers", workers, ready="", **memory) as server:
        wait_until(lambda: len(names(life_root)) == int(workers), 30)
        assert server.stop(timeout_s=15) == 0
    assert "Traceback" not in server.output
    assert '"level":"error"' not in server.output


def kill_a_worker(life_root: Path, memory: Any) -> tuple[LoadResult, int, float]:
    """One of two workers dies under load: what clients saw, requests it had begun, seconds until there is another."""
    (life_root / "events").unlink(missing_ok=True)
    with start_server(life_root, "test", "--workers", "2", measured=True, **memory) as server:
        load = start_load(server.port, get_request("/life/work"), rate=200, duration_s=3, timeout_s=3)
        wait_until(lambda: names(life_root).count("end") > 100)
        victim = read_events(life_root / "events")[-1].pid
        known = {event.pid for event in read_events(life_root / "events")}
        os.kill(victim, signal.SIGKILL)
        killed_at = time.monotonic()
        wait_until(lambda: server.get("/life/pid").json()["response"] not in known)
        replaced_s = time.monotonic() - killed_at
        result = finish_load(load)
    assert len(known) == 2
    own = [event for event in read_events(life_root / "events") if event.pid == victim]
    begun, ended = ({event.data["run"] for event in own if event.name == name} for name in ("start", "end"))
    return result, len(compare(begun, ended).lost), replaced_s


def test_LIFE_3_a_killed_worker_costs_its_own_requests_and_is_replaced(life_root: Path, memory: Any) -> None:
    for _ in range(3):  # a busy machine leaves more requests unread
        result, in_flight, replaced_s = kill_a_worker(life_root, memory)
        print(f"in flight {in_flight}, failed {result.failed}, late {result.late}, replaced in {replaced_s:.2f} s")
        assert not result.statuses
        assert result.good == result.offered - result.failed - result.late - result.refused
        # Requests that were sent and not yet read died with their connection, too.
        if result.failed <= in_flight + 5 and result.late == result.refused == 0 and replaced_s < 2:
            return
    pytest.fail("three times more was lost, or it took longer, than it may")


def address(root: Path) -> str:
    """Where the mongod of a folder will listen."""
    root.mkdir(exist_ok=True)
    host = str(prepare_home(root).host).replace("/", "%2F")
    return f"mongodb://{host}/life?directConnection=true"


@pytest.fixture
def silent_memcached() -> Iterator[MemcachedProcess]:
    """One that is not started yet."""
    process = MemcachedProcess()
    yield process
    process.kill()


def test_LIFE_5_a_server_waits_for_what_is_down_and_connects_when_it_appears(
    life_root: Path, mongod_binary: Path, silent_memcached: MemcachedProcess
) -> None:
    more = {"CATENA_MONGO_URL": address(life_root / "db"), "CATENA_MEMCACHED": silent_memcached.name}
    with start_server(life_root, ready="/health/live", **more) as server:
        pid = server.process.pid
        assert server.get("/health/ready").status == 503
        down = server.get("/life/count")
        assert (down.status, "retry-after" in down.headers) == (503, True)
        assert b"sock" not in down.body
        assert b"mongo" not in down.body.lower()
        assert server.get("/life/cached").json()["response"] == 7
        silent_memcached.start()
        mongo = EmbeddedMongo.start(life_root / "db")
        started = time.monotonic()
        server.wait_for("/health/ready")
        assert time.monotonic() - started < 10  # two on a quiet machine
        assert server.get("/life/count").status == 200
        wait_until(lambda: server.get("/life/cached").status == 200 and holds_items(silent_memcached))
        assert (server.process.poll(), server.process.pid) == (None, pid)
        assert server.output.count("Traceback") == 0
        mongo.stop()


def holds_items(memcached: MemcachedProcess) -> bool:
    return b"STAT curr_items 0" not in memcached.ask(b"stats", b"END\r\n")


def test_LIFE_5_a_server_whose_database_is_up_is_ready_within_three_seconds(
    life_root: Path, mongo_url: str, database_name: str
) -> None:
    url = mongo_url.replace("/?", f"/{database_name}?")
    best = 60.0
    for _ in range(3):  # a busy machine may be slow once
        started = time.monotonic()
        with start_server(life_root, measured=True, CATENA_MONGO_URL=url):
            best = min(best, time.monotonic() - started)
        if best < 3:
            return
    pytest.fail(f"ready after {best:.1f} s at best")


REPLACED = {
    "debug": ("    log=Log", "    debug=True, log=Log", r"^debug: "),
    "a write concern that loses": (
        "directConnection=true",
        "directConnection=true&w=1",
        r"^databases\.main\.url: .*w=1",
    ),
    "an unknown setting": ("    log=Log", "    logs=Log", r"logs"),
    "a wrong type": ("drain_s=env", "request_s='long', drain_s=env", r"^timeouts\.request_s: "),
    "a second database": ("cache=Cache", "default_database='other', cache=Cache", r"^default_database: "),
}


@pytest.mark.parametrize(("old", "new", "expected"), REPLACED.values(), ids=REPLACED)
def test_LIFE_6_production_refuses_and_names_the_setting(old: str, new: str, expected: str, life_root: Path) -> None:
    config = life_root / "config" / "production.py"
    url = "mongodb://user:geheim@127.0.0.1:1/life?directConnection=true".replace(old, new)
    config.write_text(config.read_text().replace(old, new, 1))
    done = run_command(life_root, "production", CATENA_MONGO_URL=url)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.search(expected, done.stderr), done.stderr
    assert "geheim" not in done.stderr
    assert "Traceback" not in done.stderr


def test_LIFE_6_production_needs_the_address_of_its_database(life_root: Path) -> None:
    done = run_command(life_root, "production")
    assert done.returncode == 1
    assert done.stderr.startswith("databases.main.url: ")


def test_LIFE_6_production_refuses_credentials_for_every_origin(life_root: Path) -> None:
    routes = life_root / "projects" / "life" / "routes" / "api.py"
    text = routes.read_text().replace("Path, Route,", "Cors, Path, Route,")
    routes.write_text(text.replace("chain=[pid]", "chain=[pid], cors=Cors(credentials=True)"))
    done = run_command(life_root, "production", CATENA_MONGO_URL="mongodb://127.0.0.1:9/life")
    assert done.returncode == 1
    assert re.search(r"api\.py:\d+: route 'pid': Cors with credentials cannot admit every origin", done.stderr)


@pytest.mark.parametrize(
    ("mode", "said", "status"), [("production", "", 404), ("production", "True", 200), ("test", "", 200)]
)
def test_LIFE_6_g03_production_shows_its_documentation_only_where_it_says_so(
    mode: str, said: str, status: int, life_root: Path, memory: Any
) -> None:
    config = life_root / "config" / f"{mode}.py"
    docs = f"docs=Docs(enabled={said}), log=Log" if said else "log=Log"
    config.write_text(config.read_text().replace("Cache, ", "Cache, Docs, ", 1).replace("log=Log", docs))
    url = {"CATENA_MONGO_URL": "mongodb://127.0.0.1:9/life"} if mode == "production" else memory
    with start_server(life_root, mode, ready="/health/live", **url) as server:
        assert {server.get(path).status for path in ("/docs", "/api-docs")} == {status}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_LIFE_7_a_pipe_that_nobody_reads_holds_up_no_request_and_no_stop(
    workers: str, life_root: Path, memory: Any
) -> None:
    port, log = free_port(), life_root / "not-read.log"
    log.touch()
    command = server_command(life_root, "test", port, "--workers", workers)
    environment = server_environment({**memory, "CATENA_ACCESS": "true"})
    with subprocess.Popen(command, cwd=life_root, env=environment, stdout=PIPE, stderr=STDOUT, text=True) as process:
        server = Server(process, port, log)
        try:
            server.wait_for("/health/ready")
            for _ in range(400):  # lines of some 350 bytes, for a pipe of 64 KiB
                assert server.get("/life/pid", timeout_s=5).status == 200
            assert server.stop(timeout_s=10) == 0
            assert process.stdout is not None
            events = [json.loads(line) for line in process.stdout]
            assert 100 < sum(event["tag"] == "access" for event in events) < 400
        finally:
            process.kill()
