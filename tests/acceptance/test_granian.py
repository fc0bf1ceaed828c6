"""`create_app` is a plain ASGI application: granian, another server altogether, serves it as it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.server import Server, free_port
from tests.tools import child_environment
from tests.tree import ROOT

APPLICATION = """
import sys

sys.path.insert(0, {repository!r})
from core import create_app

app = create_app("test", {root!r})
"""


@pytest.mark.skipif(sys.platform == "win32", reason="granian's event loop here is uvloop")
def test_granian_serves_the_demo(demo_root: Path, mongo_url: str, database_name: str) -> None:
    (demo_root / "application.py").write_text(APPLICATION.format(repository=str(ROOT), root=str(demo_root)))
    port = free_port()
    log = demo_root / "granian.log"
    command = [
        sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", str(port),
        "--workers", "1", "application:app",
    ]  # fmt: skip
    variables = {"CATENA_MONGO_URL": mongo_url.replace("/?", f"/{database_name}?")}
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=demo_root, env=child_environment(**variables), stdout=output, stderr=output, text=True
        )
    server = Server(process, port, log)
    try:
        server.wait_for("/health/ready")
        created = server.request("POST", "/demo/v1/todo", json_body={"name": "under granian"})
        assert created.status == 200
        item = server.get(f"/demo/v1/todo/{created.json()['response']['id']}")
        assert item.json()["response"][0]["name"] == "under granian"
        assert server.get("/nowhere").json()["errors"][0]["code"] == "NotFound"
        assert server.request("PATCH", "/demo/v1/todo").headers["allow"] == "GET, HEAD, POST"
        assert server.get("/docs").status == 200
        assert server.stop() == 0
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in server.output
