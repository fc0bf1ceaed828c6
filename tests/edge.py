"""A small application for tests of the gateway's edge, and how it is started.

In: arguments of `ServerSettings`. Out: a running server whose routes tell what they see of a request.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.applications import write_files
from tests.server import Server, start_server

HEAD = """
from core import (
    LOCAL, Cache, Certificate, Cors, Host, Http, Https, Limits, Log, Mongo, Overload, RateLimit, ServerSettings, Timeouts,
)
"""
CONTROLLER = """
    import asyncio
    import time
    from pathlib import Path
    from typing import Any

    from core import Context, Controller, StreamResponse

    edge = Controller("edge-edge", version="1.0")

    @edge.list
    async def tell(ctx: Context) -> dict[str, Any]:
        request = ctx.request
        return {"ip": request.client_ip, "scheme": request.scheme, "host": request.host}

    @edge.action("host")
    async def host(ctx: Context) -> str:
        return ctx.route.host_ids[0]

    @edge.action("burn")
    async def burn(ctx: Context) -> str:
        end = time.perf_counter() + 0.005
        while time.perf_counter() < end:
            pass
        with Path("started.log").open("a") as file:
            file.write("x")
        return "burnt"

    @edge.action("wait")
    async def wait(ctx: Context) -> str:
        Path("started").touch()
        while not Path("release").exists():
            await asyncio.sleep(0.01)
        return "done"

    @edge.action("block")
    async def block(ctx: Context) -> str:
        time.sleep(0.3)
        return "blocked"

    @edge.create
    async def echo(ctx: Context, *, body: bytes) -> int:
        return len(body)

    @edge.action("flood")
    async def flood(ctx: Context) -> StreamResponse:
        async def pieces():
            for _ in range(10_000):
                yield b"x" * 65_536
        return StreamResponse(pieces())

    @edge.action("fail")
    async def fail(ctx: Context) -> None:
        raise RuntimeError("secret inside")
"""
ROUTES = """
    from core import Body, Cors, Path, Route, Routes
    from projects.edge.controllers.edge import block, burn, echo, fail, flood, host, tell, wait

    SHOP = Cors(origins=["https://shop.example", "https://*.shop.example"], credentials=True, expose=["x-total"],
                headers=["content-type", "x-key"], max_age_s=60)
    api = Routes(
        group="edge",
        prefix="/edge",
        paths=[
            Path("./tell", list=Route("tell", chain=[tell])),
            Path("./burn", list=Route("burn", chain=[burn])),
            Path("./wait", list=Route("wait", chain=[wait])),
            Path("./block", list=Route("block", chain=[block])),
            Path("./flood", list=Route("flood", chain=[flood])),
            Path("./echo", create=Route("echo", chain=[echo], body=Body(type="raw", limit_bytes=2**20))),
            Path(
                "./shop",
                list=Route("shop", chain=[tell], cors=SHOP),
                create=Route("shop-create", chain=[echo], cors=SHOP, body=Body(type="raw")),
                delete=Route("shop-delete", chain=[tell]),
            ),
            Path("./shop-fail", list=Route("shop-fail", chain=[fail], cors=SHOP)),
            Path("./open", all=Route("open", chain=[tell], cors=Cors(), deprecated=True, modified="2026-01-02")),
        ],
    )
"""
HOSTED = """
    from core import Path, Route, Routes
    from projects.edge.controllers.edge import host

    api = Routes(group="edge", prefix="/", host_id="{id}", paths=[Path("/host", list=Route("host", chain=[host]))])
"""


@contextmanager
def edge_root(settings: str, *host_ids: str) -> Iterator[Path]:
    """A root with the application; `settings` are arguments, `host_ids` get a route `/host` that tells theirs."""
    root = Path(tempfile.mkdtemp(prefix="catena-edge-"))
    fixed = "log=Log(level='info'), databases={'main': Mongo(url=LOCAL)}"
    configuration = f"{HEAD}\nsettings = ServerSettings({fixed}, {settings})\n"
    files = {
        "projects/edge/controllers/edge.py": CONTROLLER,
        "projects/edge/routes/api.py": ROUTES,
        **{f"projects/edge/routes/on_{name}.py": HOSTED.replace("{id}", name) for name in host_ids},
    }
    write_files(root, {"config/test.py": configuration, **files})
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


@contextmanager
def start_edge(root: Path, *options: str, measured: bool = False, ready: str = "/health/ready") -> Iterator[Server]:
    """The application of a root, running with its data in memory."""
    with start_server(root, "test", *options, measured=measured, ready=ready, CATENA_LOCAL_URL="memory") as server:
        yield server


@contextmanager
def edge_server(settings: str, *host_ids: str, measured: bool = False) -> Iterator[Server]:
    """Both in one."""
    with edge_root(settings, *host_ids) as root, start_edge(root, measured=measured) as server:
        yield server
