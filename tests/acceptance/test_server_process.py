"""The server as a process: restarts, signals, workers, reloading, a database that comes and goes, wrong starts."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.data.embedded import EmbeddedMongo, prepare_home
from tests.applications import write_files
from tests.mongo import mongod_pids, wait_until
from tests.server import Server, is_refused, run_command, start_server

CONFIG = """
    from core import LOCAL, Log, Mongo, ServerSettings, env

    settings = ServerSettings(
        databases={"main": Mongo(url=env("CATENA_MONGO_URL", default=LOCAL), selection_timeout_s=1)},
        log=Log(level="info", format="text"),
    )
"""
CONTROLLER = """
    import asyncio
    import os
    from pathlib import Path

    from core import Context, Controller
    from projects.probe.models.thing import Thing

    probe = Controller("probe-probe", version="1.0")

    @probe.list
    async def tell(ctx: Context) -> dict[str, int]:
        return {"pid": os.getpid(), "answer": 1}

    @probe.action("wait")
    async def wait(ctx: Context) -> str:
        Path("started").touch()
        while not Path("release").exists():
            await asyncio.sleep(0.01)
        return "done"

    @probe.action("count")
    async def count(ctx: Context) -> int:
        return await ctx.db[Thing].count()
"""
MODEL = """
    from core import Model

    class Thing(Model, identity="probe-thing", collection="things"):
        name: str = ""
"""
ROUTES = """
    from core import Path, Route, Routes
    from projects.probe.controllers.probe import count, tell, wait

    api = Routes(
        group="probe",
        prefix="/probe",
        paths=[
            Path("./tell", list=Route("tell", chain=[tell])),
            Path("./wait", list=Route("wait", chain=[wait])),
            Path("./count", list=Route("count", chain=[count])),
        ],
    )
"""


@pytest.fixture
def probe_root(own_root: Path) -> Path:
    """A root with a project of three services; in memory, unless the test says otherwise."""
    return write_files(
        own_root,
        {
            "config/test.py": CONFIG,
            "config/local.py": CONFIG,
            "projects/probe/controllers/probe.py": CONTROLLER,
            "projects/probe/models/thing.py": MODEL,
            "projects/probe/routes/api.py": ROUTES,
        },
    )


@pytest.fixture
def in_memory() -> dict[str, str]:
    return {"CATENA_LOCAL_URL": "memory"}


def names(server: Server) -> list[str]:
    return [item["name"] for item in server.get("/demo/v1/todo?limit=200").json()["response"]]


def test_five_methods_of_the_demo_answer(demo_root: Path, mongod_binary: Path) -> None:
    with start_server(demo_root) as server:
        created = server.request("POST", "/demo/v1/todo", json_body={"name": "milk"})
        assert created.status == 200
        item = f"/demo/v1/todo/{created.json()['response']['id']}"
        assert server.request("POST", "/demo/v1/todo", json_body={"name": "milk"}).status == 409
        assert "milk" in names(server)
        assert server.get(item).json()["response"][0]["status"] == "unchecked"
        assert server.request("PUT", item, json_body={"status": "checked"}).json() == {"status": 200}
        assert server.get(item).json()["response"][0]["status"] == "checked"
        assert server.request("DELETE", item).json() == {"status": 200}
        assert server.get(item).status == 404


def test_data_outlives_restart_and_kill(demo_root: Path, mongod_binary: Path) -> None:
    with start_server(demo_root) as server:
        assert server.request("POST", "/demo/v1/todo", json_body={"name": "before the restart"}).status == 200
        assert mongod_pids(demo_root)
        assert server.stop() == 0
    assert not mongod_pids(demo_root)
    with start_server(demo_root) as server:
        assert "before the restart" in names(server)
        assert server.request("POST", "/demo/v1/todo", json_body={"name": "before the kill"}).status == 200
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    wait_until(lambda: not mongod_pids(demo_root))
    with start_server(demo_root) as server:
        assert {"before the restart", "before the kill"} <= set(names(server))


def test_LIFE_2_a_running_request_is_finished_and_nobody_else_is_accepted(
    probe_root: Path, in_memory: dict[str, str]
) -> None:
    with start_server(probe_root, **in_memory) as server, ThreadPoolExecutor() as threads:
        running = threads.submit(server.get, "/probe/wait")
        wait_until((probe_root / "started").exists)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: is_refused(server.port))
        assert server.process.poll() is None
        (probe_root / "release").touch()
        answer = running.result(20)
        assert (answer.status, answer.json()["response"]) == (200, "done")
        assert server.process.wait(20) == 0


def test_two_workers_answer_and_a_killed_one_is_replaced(probe_root: Path, in_memory: dict[str, str]) -> None:
    with start_server(probe_root, "test", "--workers", "2", **in_memory) as server:
        first = see_pids(server, 2)
        victim = next(iter(first))
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: see_pids(server, 1) - first)
        assert victim not in see_pids(server, 2)
        assert server.process.pid not in see_pids(server, 2)
        assert server.stop() == 0
    for pid in first:
        assert not Path(f"/proc/{pid}").exists()


def see_pids(server: Server, least: int) -> set[int]:
    """The workers that answer; asks until it saw as many as wanted."""
    found: set[int] = set()

    def ask() -> bool:
        try:
            found.add(server.get("/probe/tell").json()["response"]["pid"])
        except OSError:  # its worker was just killed
            found.clear()
        return len(found) >= least

    wait_until(ask)
    return found


def save(path: Path, text: str) -> None:
    """Replaces a file at once, as editors do: nobody reads half of it."""
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").replace(path)


def test_reload_serves_a_changed_file(probe_root: Path, in_memory: dict[str, str]) -> None:
    controller = probe_root / "projects" / "probe" / "controllers" / "probe.py"
    with start_server(probe_root, "local", "--reload", **in_memory) as server:
        assert server.get("/probe/tell").json()["response"]["answer"] == 1

        def is_changed() -> bool:
            # Written again until it is seen: the watcher may not have begun to watch.
            save(controller, controller.read_text().replace('"answer": 1', '"answer": 2') + "\n")
            try:
                return bool(server.get("/probe/tell").json()["response"]["answer"] == 2)
            except OSError:  # accepted by the old worker, which ended before it read the request
                return False

        wait_until(is_changed, 60)
        assert server.stop() == 0


def test_a_broken_change_keeps_the_old_worker(probe_root: Path, in_memory: dict[str, str]) -> None:
    controller = probe_root / "projects" / "probe" / "controllers" / "probe.py"
    with start_server(probe_root, "local", "--reload", **in_memory) as server:

        def is_reported() -> bool:
            save(controller, controller.read_text() + "\nnot python\n")
            return "the old ones go on" in server.output

        wait_until(is_reported, 60)
        assert server.get("/probe/tell").status == 200
        assert re.search(r"projects/probe/controllers/probe\.py:\d+: ", server.output)


def test_database_that_comes_later_is_found(probe_root: Path, mongod_binary: Path) -> None:
    database = probe_root / "database"
    database.mkdir()
    url = mongo_address(database)
    with start_server(probe_root, ready="/health/live", CATENA_MONGO_URL=url) as server:
        ready = server.get("/health/ready")
        assert (ready.status, ready.json()["databases"]) == (503, {"main": "down"})
        assert server.get("/probe/tell").status == 200
        assert server.get("/probe/count").status == 503
        mongo = EmbeddedMongo.start(database)
        try:
            server.wait_for("/health/ready")
            assert server.get("/probe/count").json() == {"status": 200, "response": 0}
        finally:
            mongo.stop()


def test_database_that_goes_away_is_answered_503_and_comes_back(probe_root: Path, mongod_binary: Path) -> None:
    database = probe_root / "database"
    database.mkdir()
    mongo = EmbeddedMongo.start(database)
    with start_server(probe_root, CATENA_MONGO_URL=mongo_address(database)) as server:
        assert server.get("/probe/count").status == 200
        mongo.stop()
        gone = server.get("/probe/count", timeout_s=4)  # selection_timeout_s is 1
        assert gone.status == 503
        assert gone.json()["errors"][0]["code"] == "ServiceUnavailable"
        assert int(gone.headers["retry-after"]) >= 1
        assert server.wait_for("/health/ready", 503).json()["status"] == "down"
        assert server.get("/health/live").status == 200
        mongo = EmbeddedMongo.start(database)
        try:
            server.wait_for("/probe/count")
            server.wait_for("/health/ready")
        finally:
            mongo.stop()


def mongo_address(root: Path) -> str:
    """Where the mongod of a root will listen."""
    host = str(prepare_home(root).host).replace("/", "%2F")
    return f"mongodb://{host}/probe?directConnection=true"


@pytest.fixture
def used_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))
        listener.listen()
        yield listener.getsockname()[1]


def check_refusal(root: Path, *arguments: str, expected: str, **variables: str) -> None:
    """The server ends with code 1 and one line."""
    done = run_command(root, *arguments, **{"CATENA_LOCAL_URL": "memory"} | variables)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    [line] = done.stderr.splitlines()
    assert re.search(expected, line), line


def test_a_used_port_is_one_line(probe_root: Path, used_port: int) -> None:
    (probe_root / "config" / "test.py").write_text(
        (probe_root / "config" / "test.py").read_text().replace("info", "error")
    )
    expected = rf"^listen\[0\]: cannot listen on 0\.0\.0\.0:{used_port}: Address already in use$"
    check_refusal(probe_root, "test", "serve", "--port", str(used_port), expected=expected)


WRONG_STARTS = [
    (["tests"], {}, r"tests.*did you mean 'test'"),
    (["test", "serve", "--reload"], {}, r"^--reload: is for mode local, not test$"),
    (["test"], {"config/test.py": "settings = 1"}, r"config/test\.py"),
    (["test"], {"config/test.py": "settings = ("}, r"^config/test\.py:1: "),
    (
        ["test"],
        {"config/test.py": "from core import ServerSettings\nsettings = ServerSettings(workers='many')"},
        "^workers: ",
    ),
    (["test"], {"config/test.py": "import nowhere"}, r"config/test\.py.*nowhere"),
    (["test"], {"projects/probe/routes/api.py": "import nowhere"}, r"^projects/probe/routes/api\.py:1: .*nowhere"),
    (["production"], {"config/production.py": CONFIG}, r"CATENA_MONGO_URL|main"),
]


@pytest.mark.parametrize(
    ("arguments", "files", "expected"), WRONG_STARTS, ids=[f"{' '.join(a)} {' '.join(f)}" for a, f, _ in WRONG_STARTS]
)
def test_wrong_starts_are_one_line(
    arguments: list[str], files: dict[str, str], expected: str, probe_root: Path
) -> None:
    write_files(probe_root, files)
    check_refusal(probe_root, *arguments, expected=expected)


def test_an_unreadable_configuration_is_one_line(probe_root: Path) -> None:
    if os.geteuid() == 0:
        # Root reads everything: a folder in place of the file is what even root cannot read.
        (probe_root / "config" / "test.py").unlink()
        (probe_root / "config" / "test.py").mkdir()
    else:
        (probe_root / "config" / "test.py").chmod(0)
    check_refusal(probe_root, "test", expected=r"^config/test\.py")


def test_a_root_that_is_no_folder_is_one_line(tmp_path: Path) -> None:
    check_refusal(tmp_path / "none", "test", expected="is no folder")
