"""What the chain makes of errors of several steps, of deadlines, and of clients that leave."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from core.data.deadline import Disconnected
from core.serve.app import App
from core.serve.request import Request
from tests.applications import build_small_app

pytestmark = pytest.mark.usefixtures("own_imports")

STEPS = """
from typing import Annotated, Any
from core import Context, Controller, Params, rule

c = Controller("demo-c")

class First(Params):
    a: int
    b: int

class Second(Params):
    c: int
    a: int

@c.action("first")
async def first(ctx: Context, *, query: First): ...

@c.action("second")
async def second(ctx: Context, *, query: Second): ...

@c.action("body")
async def body(ctx: Context, *, body: dict[str, Any]) -> dict[str, Any]:
    return body
"""
ROUTES = """
from core import Path, Route, Routes
from projects.demo.controllers.c import body, first, second

api = Routes(group="demo", paths=[
    Path("/two", get=Route("two", chain=[first, second])),
    Path("/body", post=Route("body", chain=[body], timeout_s=0.01)),
])
"""


@pytest.fixture
def app(tmp_path: Path) -> App:
    return build_small_app(tmp_path, {"projects/demo/controllers/c.py": STEPS, "projects/demo/routes/api.py": ROUTES})


async def test_an_error_that_two_steps_report_stands_where_the_first_one_found_it(app: App) -> None:
    response = await app.handle(Request("GET", "/two"), "")
    assert response.status == 400
    assert [item["id"] for item in orjson.loads(response.body)["errors"]] == ["a", "b", "c"]


async def test_HTTP_16_a_client_that_leaves_at_the_deadline_gets_no_answer(app: App) -> None:
    async def leave() -> tuple[bytes, bool]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise Disconnected from None
        raise AssertionError

    async def handle() -> Any:
        return await app.handle(Request("POST", "/body", chunks=leave), "")

    with pytest.raises(Disconnected):
        await asyncio.create_task(handle())


async def test_a_body_that_does_not_come_is_503_at_the_deadline(app: App) -> None:
    async def wait() -> tuple[bytes, bool]:
        await asyncio.Event().wait()
        raise AssertionError

    task = asyncio.create_task(app.handle(Request("POST", "/body", chunks=wait), ""))
    assert (await task).status == 503
    assert task.cancelling() == 0
