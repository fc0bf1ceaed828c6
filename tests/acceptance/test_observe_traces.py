"""Spans of requests, steps and calls, as a tracer sees them; it is one of the test, over the API alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from core.settings import ServerSettings, check_edge
from core.testing import TestApp, make_app
from tests.applications import own_imports, write_files
from tests.upstreams import serve_upstream

__all__ = ["own_imports"]

STEPS = """
from core import Context, Controller, NotFound

steps = Controller("room-steps")

@steps.action("call")
async def call(ctx: Context) -> object:
    return (await ctx.http["api"].get("/call")).json()

@steps.action("plain")
def plain(ctx: Context) -> str:
    return "plain"

@steps.action("missing")
async def missing(ctx: Context) -> str:
    raise NotFound

@steps.action("crash")
async def crash(ctx: Context) -> str:
    raise RuntimeError("secret-4711")
"""
ROUTES = """
from core import Path, Route, Routes
from projects.room.controllers.steps import call, crash, missing, plain
api = Routes(group="room", prefix="/room", paths=[
    Path("./call", get=Route("call", chain=[plain, call])),
    Path("./missing", get=Route("missing", chain=[missing])),
    Path("./crash", get=Route("crash", chain=[crash])),
])
"""
TRACE = 0x4BF92F3577B34DA6A3CE929D0E0E4736
PARENT = f"00-{TRACE:032x}-00f067aa0ba902b7-01"


class Span(NonRecordingSpan):
    def __init__(self, number: int, name: str, kind: SpanKind, parent: SpanContext) -> None:
        super().__init__(SpanContext(parent.trace_id or 1, number, False, TraceFlags(1)))
        self.name, self.kind, self.parent = name, kind, parent.span_id
        self.values: dict[str, Any] = {}
        self.events: list[Any] = []
        self.is_error = self.is_ended = False

    def is_recording(self) -> bool:
        return True

    def update_name(self, name: str) -> None:
        self.name = name

    def set_attribute(self, key: str, value: Any) -> None:
        self.values[key] = value

    def set_status(self, status: Any, description: str | None = None) -> None:
        self.is_error = True
        self.events += filter(None, [getattr(status, "description", description)])

    def record_exception(self, exception: BaseException, *_: Any, **__: Any) -> None:
        self.events.append(exception)


class Tracer(trace.Tracer):
    def __init__(self) -> None:
        self.spans: list[Span] = []

    def start_span(
        self, name: str, context: Any = None, kind: SpanKind = SpanKind.INTERNAL, *_: Any, **__: Any
    ) -> Span:
        parent = trace.get_current_span(context).get_span_context()
        self.spans.append(Span(len(self.spans) + 1, name, kind, parent))
        return self.spans[-1]

    @contextmanager
    def start_as_current_span(
        self, name: str, context: Any = None, kind: SpanKind = SpanKind.INTERNAL, attributes: Any = None, **more: Any
    ) -> Iterator[Span]:
        span = self.start_span(name, context, kind)
        span.values |= attributes or {}
        told = {name: more.get(name, True) for name in ("record_exception", "set_status_on_exception")}
        with trace.use_span(span, **told):
            yield span
        span.is_ended = True


@pytest.fixture
def tracer(monkeypatch: pytest.MonkeyPatch) -> Tracer:
    made = Tracer()
    monkeypatch.setattr(trace, "get_tracer", lambda *_: made)
    return made


@pytest.fixture
async def running(
    tracer: Tracer, tmp_path: Path, own_imports: None
) -> AsyncIterator[tuple[TestApp, list[Mapping[str, str]]]]:
    received: list[Mapping[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        received.append(request.headers)
        return web.json_response({"ok": True})

    async with serve_upstream(answer) as upstream:
        files = {"projects/room/controllers/steps.py": STEPS, "projects/room/routes/room.py": ROUTES}
        files["projects/room/config/api.py"] = (
            f'from core import Upstream\napi = Upstream("api", base_url="{upstream.url}")\n'
        )
        write_files(tmp_path, files)
        async with make_app(tmp_path / "projects" / "room", tracing=True) as app:
            app.client.raise_errors = False
            yield app, received


async def test_a_request_its_steps_and_its_calls_are_spans(running: Any, tracer: Tracer) -> None:
    app, received = running
    reply = await app.client.get("/room/call", headers={"traceparent": PARENT})
    assert reply.status == 200
    request, *others = tracer.spans
    assert (request.name, request.kind, request.parent) == ("GET /room/call", SpanKind.SERVER, 0x00F067AA0BA902B7)
    assert {span.get_span_context().trace_id for span in tracer.spans} == {TRACE}
    assert request.values == {
        "http.request.method": "GET", "http.route": "/room/call", "http.response.status_code": 200,
        "http.response.body.size": len(reply.body), "client.address": "127.0.0.1",
        "catena.request_id": reply.headers["x-request-id"],
    }  # fmt: skip
    assert [(span.name, span.kind) for span in others] == [
        ("room-steps@1.0.plain", SpanKind.INTERNAL),
        ("room-steps@1.0.call", SpanKind.INTERNAL),
        ("GET api", SpanKind.CLIENT),
        ("generic-defaultJSONResponse@1.0.all", SpanKind.INTERNAL),
    ]
    assert [span.parent for span in others] == [1, 1, 3, 1]
    assert all(span.is_ended for span in tracer.spans)
    assert received[0]["traceparent"] == f"00-{TRACE:032x}-{4:016x}-01"
    assert received[0]["x-request-id"] == reply.headers["x-request-id"]


@pytest.mark.parametrize(
    ("path", "name", "status", "is_error"),
    [("/room/missing", "GET /room/missing", 404, False), ("/room/crash", "GET /room/crash", 500, True), ("/x", "unmatched", 404, False)],
)  # fmt: skip
async def test_failures_are_told_without_their_texts(
    path: str, name: str, status: int, is_error: bool, running: Any, tracer: Tracer
) -> None:
    await running[0].client.get(path)
    request = tracer.spans[0]
    assert (request.name, request.values["http.response.status_code"], request.is_error) == (name, status, is_error)
    assert [event for span in tracer.spans for event in span.events] == []


async def test_without_the_setting_there_is_none(tracer: Tracer) -> None:
    async with make_app("projects/demo") as app:
        assert (await app.client.get("/demo/v1/todo")).status == 200
    assert tracer.spans == []


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.settings.find_spec", lambda _: None)
    assert list(check_edge(ServerSettings(tracing=True))) == [
        ("tracing", "needs the package opentelemetry-api, from the extra 'metrics'")
    ]
    assert list(check_edge(ServerSettings())) == []
