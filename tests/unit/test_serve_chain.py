"""What the chain makes of errors of several steps, of deadlines, and of clients that leave."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from core.data.deadline import Disconnected
from core.serve import deadline
from core.serve.app import App
from core.serve.request import Request
from tests.applications import build_small_app

pytestmark = pytest.mark.usefixtures("own_imports")

STEPS = """
import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated, Any
from core import Context, Controller, HTTPError, NotFound, Params, Response, rule
from core.data.deadline import Disconnected

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

@c.action("wait")
async def wait(ctx: Context) -> None:
    await asyncio.Event().wait()

@c.action("fail")
async def fail(ctx: Context) -> None:
    raise NotFound

@c.action("wait_for_a_cancelled_task")
async def wait_for_a_cancelled_task(ctx: Context) -> None:
    task = asyncio.ensure_future(asyncio.sleep(9))
    task.cancel()
    await task

@c.action("clean_up")
async def clean_up(ctx: Context) -> AsyncGenerator[None, Response]:
    try:
        yield None
    finally:
        await asyncio.Event().wait()

@c.action("explain")
async def explain(ctx: Context, *, error: HTTPError) -> None:
    await asyncio.Event().wait()

@c.action("leave")
async def leave(ctx: Context, *, error: HTTPError) -> None:
    raise Disconnected

SHARED = Response("for everybody")

@c.action("share")
async def share(ctx: Context) -> Response:
    ctx.set_cookie("session", ctx.request.id)
    return SHARED

@c.action("body")
async def body(ctx: Context, *, body: dict[str, Any]) -> dict[str, Any]:
    return body
"""
ROUTES = """
from core import Path, Route, Routes
from projects.demo.controllers.c import *

def route(name, chain, *errors):
    return Path(f"/{name}", get=Route(name, chain=chain, errors=errors, timeout_s=0.01))

api = Routes(group="demo", paths=[
    Path("/two", get=Route("two", chain=[first, second])),
    Path("/body", post=Route("body", chain=[body], timeout_s=0.01)),
    route("step", [wait]),
    route("clean-up", [clean_up, wait]),
    route("clean-up-of-a-failure", [clean_up, fail]),
    route("error-step", [wait], explain, explain),
    route("error-step-of-a-failure", [fail], explain),
    route("all-of-it", [clean_up, clean_up, wait], explain),
    route("cancelled", [wait_for_a_cancelled_task]),
    route("left", [fail], leave),
    route("shared", [share]),
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


@pytest.mark.parametrize(
    "path", ["step", "clean-up", "clean-up-of-a-failure", "error-step", "error-step-of-a-failure", "all-of-it"]
)
async def test_whatever_waits_at_the_deadline_the_answer_is_503(
    path: str, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadline, "_GRACE_S", 0.01)
    task = asyncio.create_task(app.handle(Request("GET", f"/{path}"), ""))
    done, _ = await asyncio.wait({task}, timeout=20)
    assert done
    response = task.result()
    assert (response.status, orjson.loads(response.body)["errors"][0]["code"]) == (503, "RequestTimeout")
    assert task.cancelling() == 0


async def test_a_step_that_waits_for_what_was_cancelled_has_failed(app: App) -> None:
    """Nobody cancelled the request: without an answer its client would learn nothing, and no log either."""
    assert (await app.handle(Request("GET", "/cancelled"), "")).status == 500


@pytest.mark.parametrize("path", ["step", "error-step-of-a-failure"])
async def test_whoever_else_cancels_a_request_ends_it(path: str, app: App) -> None:
    task = asyncio.create_task(app.handle(Request("GET", f"/{path}"), ""))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task}, timeout=20)
    assert task.cancelled()


async def test_HTTP_16_a_client_that_leaves_an_error_step_is_no_failure(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Disconnected):
        await app.handle(Request("GET", "/left"), "")
    assert caplog.records == []


async def test_an_answer_is_not_given_twice(app: App) -> None:
    """It would bring the cookies of the first client to the second."""
    assert b"set-cookie" in dict((await app.handle(Request("GET", "/shared"), "")).raw_headers)
    with pytest.raises(RuntimeError, match="make a new one for each"):
        await app.handle(Request("GET", "/shared"), "")
