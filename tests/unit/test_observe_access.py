"""Lines of the access log: both forms, whatever stands in a path, and an output that nobody reads."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from types import SimpleNamespace

import pytest

from core.log import count_dropped
from core.observe.access import AccessLog
from core.observe.turn import Turn
from core.serve.request import Request
from core.settings import Log

TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def request(raw_path: bytes = b"/a", pattern: str = "/a", method: str = "GET", **index: bytes) -> Request:
    made = Request(method, raw_path=raw_path, client_ip="192.0.2.7")
    made.index = {b"x-request-id": b"id-1", **{name.encode(): value for name, value in index.items()}}
    made.route = SimpleNamespace(url=pattern) if pattern else None
    return made


def write(monkeypatch: pytest.MonkeyPatch, log: AccessLog, *requests: Request, status: int = 200) -> list[str]:
    output = io.StringIO()
    monkeypatch.setattr(sys, "stdout", output)
    log.note([(one, status, 5, 0.0123456) for one in requests])
    return output.getvalue().splitlines()


@pytest.mark.parametrize(
    ("raw_path", "pattern", "path"),
    [
        (b"/a/b", "/a/:b", "/a/b"),
        (b"/100%25/%s/%d", "", "/100%25/%s/%d"),
        (b'/"},{"level":"error', "", '/"},{"level":"error'),
        (b"/a\\b\x7f", "", "/a\\b\x7f"),
        (b"/\xc3\xa9\x85", "", "/\xc3\xa9\x85"),
        (b"/" + b"x" * 5000, "", "/" + "x" * 1023),
        (b"/reset/abc", "/reset/:token", "/reset/:token"),
        (b"/100%/x", "/100%/:x", "/100%/x"),
    ],
    ids=["plain", "percent", "quotes", "backslash", "latin-1", "long", "secret", "percent in a pattern"],
)
def test_LOG_1_a_line_of_json_says_what_was_asked(
    raw_path: bytes, pattern: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    [line] = write(monkeypatch, AccessLog(Log(access=True), "test"), request(raw_path, pattern))
    assert not set(line) & {"\x7f", "\x85"}
    event = json.loads(line)
    assert (event["path"], event["message"], event["route"]) == (path, f"GET {path} 200", pattern)
    assert (event["elapsed_ms"], event["bytes"], event["client_ip"]) == (12.346, 5, "192.0.2.7")
    assert (event["request_id"], event["mode"], "trace_id" in event) == ("id-1", "test", False)


def test_a_line_of_text_holds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    log = AccessLog(Log(access=True, format="text"), "test")
    lines = write(monkeypatch, log, request(b"/%20\x1b[31m", "", traceparent=TRACE), request(), status=404)
    assert lines[0].partition(" [info] ")[2] == (
        "[access]: GET /%20\\u001b[31m 404 action=request.done method=GET route= path=/%20\\u001b[31m status=404 "
        "elapsed_ms=12.346 bytes=5 client_ip=192.0.2.7 request_id=id-1 trace_id=4bf92f3577b34da6a3ce929d0e0e4736"
    )
    assert lines[1].endswith(" request_id=id-1")


def test_lines_that_cannot_be_written_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    closed, before = io.StringIO(), count_dropped()
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    AccessLog(Log(access=True), "test").note([(request(), 200, 0, 0.1)] * 3)
    assert count_dropped() == before + 3


async def test_requests_that_end_in_one_turn_are_told_together() -> None:
    told: list[list[int]] = []
    turn = Turn([lambda over: told.append([status for _, status, _, _ in over])])
    for status in (200, 404):
        turn.note(request(), status, 0)
    assert told == []
    await asyncio.sleep(0)
    turn.note(request(), 500, 0)
    await asyncio.sleep(0)
    assert told == [[200, 404], [500]]
