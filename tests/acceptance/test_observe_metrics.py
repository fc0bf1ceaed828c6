"""Figures for Prometheus: on a local listener of each worker, read as Prometheus reads them."""

from __future__ import annotations

import http.client
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from core import Metrics, ServerSettings
from tests.mongo import wait_until
from tests.server import Server, free_port, make_demo_root, run_command, start_server
from tests.tree import ROOT

Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


def free_ports() -> int:
    """The first of two free ports in a row."""
    while True:
        port = free_port()
        if port < 65_000 and not is_listening(port + 1):
            return port


def is_listening(port: int, address: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex((address, port)) == 0


@pytest.fixture(scope="module")
def metrics_port() -> int:
    return free_ports()


@pytest.fixture(scope="module")
def server(mongo_url: str, metrics_port: int) -> Iterator[Server]:
    root = make_demo_root()
    (root / "config" / "test.py").write_text(f"""
from dataclasses import replace
from config.base import base
from core import Docs, Log, Metrics, RateLimit
settings = replace(base, log=Log(level="info"), metrics=Metrics(port={metrics_port}, steps=True), workers=2)
""")
    with start_server(root, CATENA_MONGO_URL=mongo_url.replace("/?", "/test_metrics?")) as running:
        wait_until(lambda: all(is_listening(metrics_port + index) for index in range(2)))
        yield running
    shutil.rmtree(root)


def ask(port: int, path: str = "/metrics", method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path)
        reply = connection.getresponse()
        return reply.status, reply.read().decode()
    finally:
        connection.close()


def read_figures(*ports: int) -> Figures:
    """The sum over workers, as a query would make it."""
    figures: Figures = {}
    for port in ports:
        status, text = ask(port)
        assert status == 200
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                key = sample.name, frozenset(sample.labels.items())
                figures[key] = figures.get(key, 0) + sample.value
    return figures


def one(figures: Figures, name: str, **labels: str) -> float:
    return figures.get((name, frozenset(labels.items())), 0)


def test_figures_of_requests_steps_and_databases(server: Server, metrics_port: int) -> None:
    ports = metrics_port, metrics_port + 1
    before = read_figures(*ports)
    for _ in range(20):
        assert server.get("/demo/v1/todo").status == 200
    assert server.get("/demo/v1/todo?limit=x").status == 400
    assert server.get("/nowhere").status == 404
    assert server.get("/%2fx").status == 400
    after = read_figures(*ports)
    todo = {"method": "GET", "route": "/demo/v1/todo"}

    def more(name: str, **labels: str) -> float:
        return one(after, name, **labels) - one(before, name, **labels)

    assert more("catena_requests_total", **todo, status="200") == 20
    assert more("catena_requests_total", **todo, status="400") == 1
    assert more("catena_requests_total", method="GET", route="", status="404") == 1
    assert more("catena_requests_total", method="GET", route="", status="400") == 1
    assert more("catena_request_seconds_count", **todo) == 21
    assert 0 < more("catena_request_seconds_sum", **todo) < 60
    assert more("catena_step_seconds_count", step="demo-todos@1.0.list") == 20
    assert more("catena_step_seconds_count", step="generic-defaultJSONResponse@1.0.all") == 20
    assert more("catena_db_group_size_count", collection="todos-model", kind="list") >= 1
    assert one(after, "catena_db_connections_awaited", database="main", client="requests") == 0
    names = {name for name, _ in after}
    assert {
        "catena_requests_in_flight", "catena_overload_limit", "catena_overload_refused_total", "catena_cache_hits_total",
        "catena_cache_misses_total", "catena_rate_limit_refused_total", "catena_log_dropped_total",
        "catena_db_connections_used", "process_resident_memory_bytes",
    } <= names  # fmt: skip


def test_unknown_methods_do_not_make_figures(server: Server, metrics_port: int) -> None:
    """Whoever sends nonsense cannot make the exposition grow."""
    before = len(ask(metrics_port)[1]) + len(ask(metrics_port + 1)[1])
    for number in range(50):
        server.request("GET", f"/nonsense/{number}?x={number}")
    assert len(ask(metrics_port)[1]) + len(ask(metrics_port + 1)[1]) < before + 4000


def own_address() -> str:
    """An address of this machine that is not loopback; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return ""
        return str(probe.getsockname()[0])


def test_h01_metrics_are_for_this_machine_only(server: Server, metrics_port: int) -> None:
    assert Metrics().host == "127.0.0.1"
    assert ServerSettings().metrics is None
    for path in ("/metrics", "/metrics/", "/demo/v1/metrics"):
        assert server.get(path).status == 404  # of the listener that the world sees
    address = own_address()
    if address:
        assert not is_listening(metrics_port, address)
        assert is_listening(server.port, address)
    for path, method in (("/", "GET"), ("/demo/v1/todo", "GET"), ("/metrics", "POST"), ("/health/ready", "GET")):
        assert ask(metrics_port, path, method)[0] == 404


def test_a_worker_that_is_replaced_keeps_its_port(server: Server, metrics_port: int) -> None:
    def pids() -> set[float]:
        return {
            value
            for port in (metrics_port, metrics_port + 1)
            for (name, _), value in read_figures(port).items()
            if name == "process_start_time_seconds"
        }

    before = pids()
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "all workers restarted" in server.output, 60)
    assert len(pids() - before) == 2


def test_a_taken_port_is_named_before_anything_opens(demo_root: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        text = (demo_root / "config" / "test.py").read_text()
        port = taken.getsockname()[1]
        text = text.replace("import CronSettings", "import Metrics, CronSettings")
        text = text.replace("overload=None", f"overload=None, metrics=Metrics(port={port})")
        (demo_root / "config" / "test.py").write_text(text)
        done = run_command(demo_root, "test", "serve", "--port", str(free_port()), CATENA_LOCAL_URL="memory")
    assert done.returncode == 1
    assert f"metrics: cannot listen on 127.0.0.1:{port}" in done.stdout + done.stderr


PROBE = """
import sys
from importlib import util
find_spec, hidden = util.find_spec, {"prometheus_client", "opentelemetry"} if "hide" in sys.argv else set()
util.find_spec = lambda name, *more: None if name.split(".")[0] in hidden else find_spec(name, *more)
from pathlib import Path
from core.serve.create import create_app
try:
    create_app("test", Path(sys.argv[1]))
except ExceptionGroup as error:
    print(*error.exceptions)
print(*sorted({name.split(".")[0] for name in sys.modules} & {"prometheus_client", "opentelemetry"}))
"""


def probe(root: Path, *arguments: str) -> str:
    command = [sys.executable, "-c", textwrap.dedent(PROBE), str(root), *arguments]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, env={"CATENA_LOCAL_URL": "memory"}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_libraries_of_extras_are_loaded_where_they_are_asked_for(demo_root: Path) -> None:
    assert probe(demo_root) == ""
    assert probe(demo_root, "hide") == ""
    text = (demo_root / "config" / "test.py").read_text()
    text = text.replace("import CronSettings", "import Metrics, CronSettings")
    (demo_root / "config" / "test.py").write_text(text.replace("overload=None", "overload=None, metrics=Metrics()"))
    assert probe(demo_root) == "prometheus_client"
    assert probe(demo_root, "hide").startswith(
        "metrics: config/test.py:12: needs the package prometheus-client, from the extra 'metrics'"
    )
