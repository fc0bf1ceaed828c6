"""The functions written for routes: their text, what they have in common, and what a request of them meets."""

from __future__ import annotations

import linecache
from pathlib import Path

import orjson
import pytest

from core.serve.app import App
from core.serve.program import compile_routes, write_program
from core.serve.request import Request
from core.settings import Limits
from tests.applications import build_small_app
from tests.chains import link_one, link_routes, named

pytestmark = pytest.mark.usefixtures("own_imports")

WHOLE = """\
async def run(ctx, kept, arounds):
    v1 = None
    ctx.limit_headers = await ctx.app.limits.admit(ctx.route.rate_limits, ctx.request.client_ip)
    request = ctx.request
    query = parse_query(request.query_string, limits)
    body = await read_body(request)
    errors = []
    v0 = check0(body, errors)
    if errors:
        refuse(errors)
    check_overflow(ctx, {'query': query, 'body': body})
    while True:
        value = await step1(ctx)
        if isinstance(value, Response):
            return value
        if isinstance(value, Finish):
            ctx.result = value.value
            break
        elif value is not None:
            v1 = kept[1] = value
        around = step2(ctx)
        value = await anext(around)
        arounds.append(around)
        if isinstance(value, Response):
            return value
        if isinstance(value, Finish):
            ctx.result = value.value
            break
        elif value is not None:
            ctx.result = value
        value = await step3(ctx, body=v0)
        if isinstance(value, Response):
            return value
        if isinstance(value, Finish):
            ctx.result = value.value
            break
        elif value is not None:
            ctx.result = value
        value = await step4(ctx, phone=v1)
        if isinstance(value, Response):
            return value
        if isinstance(value, Finish):
            ctx.result = value.value
            break
        elif value is not None:
            ctx.result = value
        break
    value = await step5(ctx, options=options5)
    if isinstance(value, Response):
        return value
    if isinstance(value, Finish):
        ctx.result = value.value
    elif value is not None:
        v2 = value
    value = await to_thread(step6, ctx)
    if isinstance(value, Response):
        return value
    if isinstance(value, Finish):
        ctx.result = value.value
    elif value is not None:
        ctx.result = value
    return json_response(ctx)
"""


def test_the_text_of_a_route_with_steps_of_every_kind(tmp_path: Path) -> None:
    after = 'after=[use("demo-c", function="optional", options={"limit": 1}), use("demo-c", function="all")],'
    more = 'errors=[use("demo-failing")], rate_limit=RateLimit(5, 60), parameter_overflow="log"'
    route = link_one(tmp_path, named("phone", "around", "free", "might"), more, after)
    assert write_program(route) == WHOLE


def test_routes_that_read_alike_share_their_code(tmp_path: Path) -> None:
    linked = link_routes(
        tmp_path,
        """
def R(name, function): return Route(name, chain=[use("demo-c", function=function)])
api = Routes(group="demo", paths=[Path("/a", get=R("a", "list"), post=R("b", "all")), Path("/b", get=R("c", "all"))])
""",
    )
    reading, *plain = compile_routes(linked, Limits()).routes
    assert plain[0].run.__code__ is plain[1].run.__code__
    assert plain[0].run is not plain[1].run
    assert reading.run.__code__ is not plain[0].run.__code__
    assert "parse_query" in "".join(linecache.getlines(reading.run.__code__.co_filename))


LETTERS = {
    "projects/demo/controllers/c.py": """
        from typing import Annotated
        from core import Context, Controller, Params, rule

        c = Controller("demo-c")

        class Letter(Params):
            text: Annotated[str, rule(max_length=100_000)] = ""
            other: str = ""

        @c.action("letter")
        async def letter(ctx: Context, *, body: Letter) -> int:
            return len(body.text)
        """,
    "projects/demo/routes/api.py": """
        from core import Path, Route, Routes
        from projects.demo.controllers.c import letter

        api = Routes(group="demo", paths=[Path("/letter", post=Route("letter", chain=[letter]))])
        """,
}


@pytest.mark.parametrize(("name", "status"), [("text", 200), ("other", 400), ("unknown", 400)])
async def test_val_3_a_text_is_as_long_as_its_field_declares(tmp_path: Path, name: str, status: int) -> None:
    app: App = build_small_app(tmp_path, LETTERS)
    body = orjson.dumps({name: "x" * 70_000})

    async def chunks() -> tuple[bytes, bool]:
        return body, False

    request = Request("POST", "/letter", chunks=chunks, index={b"content-type": b"application/json"})
    assert (await app.handle(request, "")).status == status
