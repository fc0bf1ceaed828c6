"""Upstreams outside requests: in jobs, start functions and work after the answer; and who does not load aiohttp."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.testing import make_app
from tests.applications import own_imports, write_files
from tests.tools import child_environment
from tests.tree import ROOT
from tests.upstreams import say_ok, serve_upstream

__all__ = ["own_imports"]

FILES = {
    "projects/demo/config/upstreams.py": """
        from core import Upstream, env

        api = Upstream("api", base_url=env("API_URL", default="http://127.0.0.1:1"))
    """,
    "projects/demo/crons/fetch.py": """
        from core import Job, Schedule, cron

        found = []

        @cron("demo-fetch", Schedule(second="*/10"))
        async def fetch(job: Job) -> None:
            found.append((await job.http["api"].get("/from-job")).json()["path"])
    """,
    "projects/demo/controllers/steps.py": """
        from core import Context, Controller

        c = Controller("demo-c")
        found = []

        @c.list
        async def fetch_later(ctx: Context) -> str:
            async def fetch() -> None:
                found.append((await ctx.http["api"].get("/later")).json()["path"])
            ctx.later(fetch(), name="fetch")
            return "soon"

        @c.action("typo")
        async def typo(ctx: Context) -> None:
            await ctx.http["aip"].get("/")
    """,
    "projects/demo/routes/api.py": """
        from core import Path, Route, Routes, use

        api = Routes(group="demo", paths=[
            Path("/later", list=Route("later", chain=[use("demo-c")])),
            Path("/typo", list=Route("typo", chain=[use("demo-c", "1.0", "typo")])),
        ])
    """,
}


@pytest.mark.usefixtures("own_imports")
async def test_jobs_and_later_work_call_upstreams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve_upstream(say_ok) as server:
        monkeypatch.setenv("API_URL", server.url)
        write_files(tmp_path, FILES)
        async with make_app(tmp_path / "projects" / "demo", default_output=None) as app:
            await app.run_cron("demo-fetch")
            assert (await app.client.get("/later")).status == 200
            await app.app.context.background.drain(5)
            assert [request.path for request in server.requests] == ["/from-job", "/later"]
            app.client.raise_errors = False
            assert (await app.client.get("/typo")).status == 500
            assert "declared: api" in str(app.app.context.failures)


def test_nobody_loads_aiohttp_before_the_first_call(tmp_path: Path) -> None:
    write_files(tmp_path, FILES)
    code = (
        "import asyncio, sys\nfrom core.testing import make_app\n"
        "async def main():\n async with make_app(sys.argv[1], default_output=None): pass\n"
        "asyncio.run(main())\nsys.exit('aiohttp' in sys.modules or 'aiomcache' in sys.modules)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "projects" / "demo")]
    assert subprocess.run(command, cwd=ROOT, env=child_environment(PYTHONPATH="."), check=False).returncode == 0
