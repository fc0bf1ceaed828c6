"""Memory of a worker while much goes through it, up and down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.gateway import Gateway, run_gateway
from tests.upstreams import serve_upstream

pytestmark = pytest.mark.alone

MIB = 1024 * 1024
GROWTH_MIB = 16
ROUTES = """
    Path("/t/*", all=Route("t", timeout_s=300, chain=[through()])),
    Path("/hello", get=Route("hello", chain=[use("gate-steps", "1.0", "hello")])),
    Path("/count", post=Route("count", timeout_s=300, chain=[use("gate-steps", "1.0", "count")])),
"""


async def handler(request: web.Request) -> web.StreamResponse:
    if request.method == "POST":
        size = 0
        async for chunk in request.content.iter_any():
            size += len(chunk)
        return web.json_response({"size": size})
    answer, chunk = web.StreamResponse(), bytes(MIB)
    await answer.prepare(request)
    for _ in range(int(request.path.rpartition("/")[2])):
        await answer.write(chunk)
    return answer


async def run_through(gate: Gateway, path: str, mib: int) -> list[float]:
    """Sends and receives that much; what the worker's memory was meanwhile, in MiB."""
    seen: list[float] = []

    async def body() -> AsyncIterator[bytes]:
        chunk = bytes(MIB)
        for number in range(mib):
            if number % 10 == 0:
                seen.append(rss_mib(gate.server.process.pid))
            yield chunk

    if path == "down":
        size = 0
        async with gate.client.get(f"/t/{mib}") as reply:
            async for chunk in reply.content.iter_any():
                if size // (10 * MIB) != (size + len(chunk)) // (10 * MIB):
                    seen.append(rss_mib(gate.server.process.pid))
                size += len(chunk)
        assert size == mib * MIB
    else:
        async with gate.client.post("/count" if path == "count" else "/t/x", data=body()) as reply:
            found: dict[str, Any] = await reply.json()
        assert found.get("size", found.get("response")) == mib * MIB
    return seen


def rss_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / MIB


async def measure(path: str, mib: int) -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serve_upstream(handler))
        upstreams = {"api": f'base_url="{server.url}", timeout_s=30'}
        gate = await stack.enter_async_context(run_gateway(upstreams, ROUTES, measured=True))
        await run_through(gate, path, 10)  # everything is imported and every buffer is there
        before = rss_mib(gate.server.process.pid)
        seen = await run_through(gate, path, mib)
        print(f"{path} {mib} MiB: {before:.1f} MiB before, {max(seen):.1f} at most")
        assert len(seen) >= mib // 10 - 1
        assert max(seen) - before < GROWTH_MIB


@pytest.mark.parametrize("path", ["up", "down", "count"])
async def test_memory_stays_flat_while_100_mib_go_through(path: str) -> None:
    await measure(path, 100)
