"""LIFE-2: how a server starts and stops when something is wrong with that: signals to all, threads and start functions
that hang or fail, two servers for one port.
"""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, Popen

import pytest

from tests.applications import write_files
from tests.mongo import wait_until
from tests.rig.events import read_events
from tests.server import Server, free_port, is_refused, run_command, server_command, server_environment, start_server

pytestmark = pytest.mark.alone

MEMORY = {"CATENA_LOCAL_URL": "memory"}
CONFIG = """
    from core import LOCAL, Mongo, Overload, ServerSettings, Timeouts, env

    settings = ServerSettings(
        databases={"main": Mongo(url=env("PROBE_URL", default=LOCAL), selection_timeout_s=0.2)},
        workers=env("PROBE_WORKERS", default=1),
        timeouts=Timeouts(drain_s=env("PROBE_DRAIN_S", default=15.0)),
        overload=Overload(max_lag_ms=10_000),
    )
"""
CONTROLLER = """
    import asyncio
    import time
    from pathlib import Path

    from core import Context, Controller
    from tests.rig.events import EventLog

    stop = Controller("stop-stop")
    log = EventLog("events")

    @stop.action("hold")
    async def hold(ctx: Context) -> str:
        log.write("held")
        while not Path("release").exists():
            await asyncio.sleep(0.01)
        return "done"

    @stop.action("sleep")
    def sleep(ctx: Context) -> str:
        log.write("held")
        time.sleep(60)
        return "done"

    @stop.action("plain")
    async def plain(ctx: Context) -> str:
        return "done"
"""
ROUTES = """
    from core import Path, RateLimit, Route, Routes
    from projects.stop.controllers.stop import hold, plain, sleep

    api = Routes(group="stop", prefix="/stop", timeout_s=60, paths=[
        Path("./hold", get=Route("hold", chain=[hold])),
        Path("./sleep", get=Route("sleep", chain=[sleep])),
        Path("./limited", get=Route("limited", chain=[plain], rate_limit=RateLimit(requests=10, per_s=600))),
    ])
"""


@pytest.fixture
def root(own_root: Path) -> Path:
    files = {
        "config/test.py": CONFIG,
        "projects/stop/controllers/stop.py": CONTROLLER,
        "projects/stop/routes/api.py": ROUTES,
    }
    return write_files(own_root, files)


def count(root: Path, name: str) -> int:
    return [event.name for event in read_events(root / "events")].count(name)


def ask_quietly(server: Server, path: str) -> int:
    """The status, or 0 when the connection ended without an answer."""
    try:
        return server.get(path).status
    except OSError:
        return 0


@contextmanager
def own_session(root: Path, *options: str, terminal: int = DEVNULL) -> Iterator[Server]:
    """A server that leads a session, as one that somebody types into a terminal; the output goes into a file."""
    port = free_port()
    log = root / "session.log"
    with log.open("w") as output:
        command = server_command(root, "test", port, *options)
        if terminal != DEVNULL:
            # The terminal of a session is what its leader opens first.
            opening = "import os, sys; os.open(os.ttyname(0), os.O_RDWR); os.execv(sys.argv[1], sys.argv[1:])"
            command = [sys.executable, "-c", opening, *command]
        process = Popen(
            command,
            cwd=root,
            env=server_environment(MEMORY),
            stdin=terminal,
            stdout=output,
            stderr=output,
            text=True,
            start_new_session=True,
        )
    server = Server(process, port, log)
    try:
        server.wait_for("/health/ready")
        yield server
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "systemd"])
def test_LIFE_2_a_signal_to_every_process_of_a_server_is_one_signal(sig: signal.Signals, root: Path) -> None:
    with own_session(root, "--workers", "2") as server, ThreadPoolExecutor() as threads:
        running = threads.submit(ask_quietly, server, "/stop/hold")
        wait_until(lambda: count(root, "held") == 1)
        os.killpg(server.process.pid, sig)
        wait_until(lambda: is_refused(server.port))
        with pytest.raises(TimeoutError):
            running.result(1)
        (root / "release").touch()
        assert running.result(20) == 200
        assert server.process.wait(20) == 0


def test_LIFE_2_a_terminal_that_closes_ends_the_workers_too(root: Path) -> None:
    ours, theirs = pty.openpty()
    with own_session(root, "--workers", "2", terminal=theirs) as server:
        os.close(theirs)
        os.close(ours)
        assert server.process.wait(20) == 0
    assert "all workers restarted" not in server.output


def test_LIFE_2_a_restart_under_way_does_not_hold_up_the_stop(root: Path) -> None:
    with start_server(root, "test", "--workers", "2", **MEMORY) as server, ThreadPoolExecutor() as threads:
        held = threads.submit(ask_quietly, server, "/stop/hold")
        wait_until(lambda: count(root, "held") == 1)
        [busy] = [event.pid for event in read_events(root / "events")]
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
        server.process.send_signal(signal.SIGHUP)
        # The one that holds a request goes when its successor, the first or the second new one, is up.
        up = 3 + [int(pid) for pid in children].index(busy)
        wait_until(lambda: server.output.count("is up") == up, 40)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: is_refused(server.port), 10)
        (root / "release").touch()
        assert held.result(20) == 200
        assert server.process.wait(20) == 0


def test_LIFE_2_a_second_signal_does_not_wait_for_a_thread(root: Path) -> None:
    with start_server(root, **MEMORY) as server, ThreadPoolExecutor() as threads:
        threads.submit(ask_quietly, server, "/stop/sleep")
        wait_until(lambda: count(root, "held") == 1)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: is_refused(server.port))
        server.stop(timeout_s=10)


INIT = """
    import asyncio
    from collections.abc import AsyncGenerator

    from core import AppContext, NotConnected, init
    from tests.rig.events import EventLog

    log = EventLog("events")
    tries = 0

    @init(order=1)
    async def first(app: AppContext) -> AsyncGenerator[None, None]:
        yield
        log.write("first ended")

    @init(order=2)
    async def second(app: AppContext) -> AsyncGenerator[None, None]:
        await start()
        yield
        await end()

    async def wait() -> None:
        log.write("waiting")
        await asyncio.Event().wait()

    async def do_nothing() -> None: ...

    async def fail() -> None:
        raise ValueError("a mistake")

    async def fail_when_the_database_is_back() -> None:
        global tries
        tries += 1
        raise NotConnected("main") if tries == 1 else ValueError("a mistake")
"""


def with_init(root: Path, start: str, end: str) -> Path:
    text = INIT.replace("await start()", f"await {start}()").replace("await end()", f"await {end}()")
    return write_files(root, {"projects/stop/init/seed.py": text})


@pytest.mark.parametrize(("end", "said"), [("fail", "ValueError('a mistake')"), ("wait", "TimeoutError()")])
def test_a_second_half_that_fails_or_hangs_keeps_no_other_from_running(end: str, said: str, root: Path) -> None:
    with start_server(with_init(root, "do_nothing", end), PROBE_DRAIN_S="1", **MEMORY) as server:
        server.stop()
        assert count(root, "first ended") == 1
        assert f"the stop failed: {said}" in server.output


def test_LIFE_2_a_second_signal_does_not_wait_for_a_second_half(root: Path) -> None:
    with start_server(with_init(root, "do_nothing", "wait"), **MEMORY) as server:
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: count(root, "waiting") == 1)
        started = time.monotonic()
        assert server.stop(timeout_s=10) == 0
        assert time.monotonic() - started < 5  # and not the fifteen seconds it may take


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_start_function_that_fails_ends_the_start_with_1(workers: str, root: Path) -> None:
    done = run_command(with_init(root, "fail", "fail"), "test", "--port", "0", PROBE_WORKERS=workers, **MEMORY)
    assert done.returncode == 1
    assert "the start failed: ValueError('a mistake')" in done.stderr
    assert ("a worker ended, or was not ready" in done.stderr) == (workers == "2")


def test_LIFE_5_a_start_function_that_fails_later_is_told(root: Path) -> None:
    late = with_init(root, "fail_when_the_database_is_back", "fail")
    with start_server(late, ready="/health/live", **MEMORY) as server:
        wait_until(lambda: "the server does not become ready: ValueError('a mistake')" in server.output)
        assert server.get("/health/ready").status == 503


def test_two_servers_that_start_at_once_do_not_both_believe_to_have_the_port(root: Path) -> None:
    slow = {
        "projects/stop/init/seed.py": INIT.replace("await start()", "await asyncio.sleep(1)").replace(
            "await end()", "await do_nothing()"
        )
    }
    command = server_command(write_files(root, slow), "test", free_port())
    both = [
        Popen(command, cwd=root, env=server_environment(MEMORY), stderr=subprocess.PIPE, stdout=DEVNULL, text=True)
        for _ in range(2)
    ]
    try:
        wait_until(lambda: any(one.poll() is not None for one in both), 30)
        [loser] = [one for one in both if one.poll() is not None]
        assert (loser.returncode, loser.stderr and loser.stderr.read().count("Address already in use")) == (1, 1)
    finally:
        for one in both:
            one.kill()
            one.communicate()


def test_RATE_3_a_worker_alone_counts_for_as_many_as_there_are(root: Path) -> None:
    """Without its counters a worker admits its share: the option, not the setting, says how many share."""
    down = {"PROBE_WORKERS": "4", "PROBE_URL": "mongodb://127.0.0.1:9/none"}
    with start_server(root, "test", "--workers", "1", ready="/health/live", **down) as server:
        statuses = [server.get("/stop/limited").status for _ in range(12)]
    assert statuses == [200] * 10 + [429] * 2


WRONG = {
    "no listener": ("databases=", "listen=[], databases=", "^listen: "),
    "a port past the last one": ("databases=", "metrics=Metrics(port=65535), databases=", "^metrics: cannot listen on"),
}


@pytest.mark.parametrize(("old", "new", "expected"), WRONG.values(), ids=WRONG)
def test_a_listener_that_cannot_be_is_one_line(old: str, new: str, expected: str, root: Path) -> None:
    config = root / "config" / "test.py"
    config.write_text(config.read_text().replace(old, new).replace("import LOCAL", "import LOCAL, Metrics"))
    done = run_command(root, "test", "serve", "--port", str(free_port()), PROBE_WORKERS="2", **MEMORY)
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert expected[1:] in line
