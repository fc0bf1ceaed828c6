"""The chain over the whole application: every kind of step, every way to end, every failure."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from core.testing import TestApp, make_app

KITCHEN = Path(__file__).parent / "root" / "projects" / "kitchen"


@pytest.fixture
async def app() -> AsyncIterator[TestApp]:
    async with make_app(KITCHEN) as app:
        sys.modules["projects.kitchen.controllers.steps"].EVENTS.clear()
        yield app


def events() -> list[str]:
    found: list[str] = sys.modules["projects.kitchen.controllers.steps"].EVENTS
    return found


ANSWERS: list[tuple[str, int, Any]] = [
    ("/kitchen/greet", 200, {"guest": None, "count": 1}),
    ("/kitchen/greet?guest=Ann&count=2", 200, {"guest": "Ann", "count": 2}),
    ("/kitchen/welcome?guest=Ann", 200, "hello Ann"),
    ("/kitchen/plain", 200, "from a thread"),
    ("/kitchen/plain/", 200, "from a thread"),
    ("/KITCHEN/Plain", 200, "from a thread"),
    ("/kitchen/limited?count=3", 200, 3),
    ("/kitchen/around", 200, "hello around"),
    ("/finished/early", 200, {"done": True}),
    ("/kitchen/later", 200, "soon"),
]


@pytest.mark.parametrize(("path", "status", "result"), ANSWERS, ids=[path for path, _, _ in ANSWERS])
async def test_a_chain_answers_with_its_result(app: TestApp, path: str, status: int, result: Any) -> None:
    reply = await app.client.get(path)
    assert (reply.status, reply.json()) == (status, {"status": status, "response": result})


FAILURES: list[tuple[str, int, str]] = [
    ("/kitchen/limited?count=4", 400, "TooMany"),
    ("/kitchen/replaced", 409, "Replaced"),
    ("/kitchen/swallowed", 500, "InternalServerError"),
    ("/kitchen/crash", 500, "InternalServerError"),
    ("/kitchen/twice", 500, "InternalServerError"),
    ("/kitchen/error-fails", 409, "FromErrorStep"),
    ("/kitchen/forever", 503, "RequestTimeout"),
    ("/kitchen/unknown-lib", 500, "InternalServerError"),
    ("/kitchen/nowhere", 404, "NotFound"),
    ("/kitchen//plain", 404, "NotFound"),
]


@pytest.mark.parametrize(("path", "status", "code"), FAILURES, ids=[path for path, _, _ in FAILURES])
async def test_a_failure_is_answered_in_the_envelope(app: TestApp, path: str, status: int, code: str) -> None:
    app.client.raise_errors = False
    reply = await app.client.get(path)
    body = reply.json()
    assert (reply.status, body["status"], [item["code"] for item in body["errors"]]) == (status, status, [code])
    assert body["errors"][0]["msg"]
    assert "secret" not in reply.text
    assert "Traceback" not in reply.text


async def test_an_unexpected_error_is_raised_in_the_test(app: TestApp) -> None:
    with pytest.raises(RuntimeError, match="secret inside"):
        await app.client.get("/kitchen/crash")


async def test_an_unexpected_error_is_logged_with_its_request_id(
    app: TestApp, caplog: pytest.LogCaptureFixture
) -> None:
    app.client.raise_errors = False
    logging.getLogger("catena").propagate = True
    reply = await app.client.get("/kitchen/crash")
    record = next(record for record in caplog.records if record.levelno == logging.ERROR)
    assert record.__dict__["request_id"] == reply.headers["x-request-id"]
    assert record.exc_info is not None


async def test_error_steps_see_the_error_and_what_was_provided(app: TestApp) -> None:
    reply = await app.client.get("/kitchen/welcome")
    assert (reply.status, reply.json()) == (418, {"handled": "Unauthorized", "guest": None})


async def test_around_steps_wrap_the_rest(app: TestApp) -> None:
    reply = await app.client.get("/kitchen/around")
    assert (reply.headers["x-timed"], events()) == ("yes", ["before", "after 200"])


async def test_around_steps_see_errors(app: TestApp) -> None:
    app.client.raise_errors = False
    await app.client.get("/kitchen/around-crash")
    assert events() == ["before", "error RuntimeError"]


async def test_around_steps_see_the_deadline(app: TestApp) -> None:
    reply = await app.client.get("/kitchen/forever")
    assert (reply.headers["retry-after"], events()) == ("1", ["before", "error Unavailable"])


async def test_finish_skips_to_after(app: TestApp) -> None:
    reply = await app.client.get("/finished/early")
    assert (reply.headers["x-after"], events()) == ("ran", [])


async def test_a_response_ends_the_chain(app: TestApp) -> None:
    reply = await app.client.get("/kitchen/respond")
    assert (reply.status, reply.text, events()) == (202, "plain", [])
    assert (reply.headers["x-from"], reply.headers["x-own"]) == ("step", "1")
    assert reply.headers["set-cookie"] == "sid=abc; HttpOnly; Max-Age=60; Path=/; SameSite=lax; Secure"


async def test_streams_and_redirects(app: TestApp) -> None:
    assert (await app.client.get("/kitchen/stream")).text == "one,two"
    reply = await app.client.get("/kitchen/redirect")
    assert (reply.status, reply.headers["location"]) == (302, "/kitchen/plain")


async def test_later_work_runs_and_its_errors_are_logged(app: TestApp, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("catena").propagate = True
    await app.client.get("/kitchen/later")
    await app.app.context.background.drain(5)
    assert events() == ["later"]
    assert any("'fail' failed" in record.getMessage() for record in caplog.records)


async def test_the_context_finds_things_by_name(app: TestApp) -> None:
    reply = await app.client.get("/kitchen/about", headers={"culture.code": "de-AT"})
    assert reply.json()["response"] == {
        "language": "de",
        "region": "at",
        "text": "Hallo you, sagt cook",
        "missing": "Nope",
        "lib": 42,
        "model": "Dish",
        "config": "enjoy",
        "now": True,
        "raw": "",
    }


async def test_raw_bytes_stay_as_received(app: TestApp) -> None:
    raw = b'{ "name":  "soup" }'
    reply = await app.client.post("/kitchen/about", content=raw, headers={"content-type": "application/json"})
    assert reply.json()["response"]["raw"] == raw.decode()


async def test_deprecated_routes_say_so(app: TestApp) -> None:
    body = (await app.client.get("/kitchen/old")).json()
    assert list(body) == ["status", "deprecated", "notice", "response"]


async def test_all_errors_of_all_fields_come_at_once(app: TestApp) -> None:
    reply = await app.client.post("/kitchen/dish", json={"name": "x", "size": "huge"})
    items = [(item["code"], item["id"], item["in"]) for item in reply.json()["errors"]]
    expected = [("MinLengthUnderachieved", "name", "body"), ("ValueNotAllowed", "size", "body")]
    assert (reply.status, items) == (400, expected)


async def test_a_duplicate_is_409(app: TestApp) -> None:
    first = await app.client.post("/kitchen/dish", json={"name": "soup"})
    second = await app.client.post("/kitchen/dish", json={"name": "soup"})
    assert (first.status, second.status) == (200, 409)
    assert second.json()["errors"][0]["code"] == "DataRecordAlreadyExist"


@pytest.mark.parametrize(("method", "status"), [("PUT", 400), ("PATCH", 200)], ids=["block", "log"])
async def test_unknown_fields_follow_the_policy(app: TestApp, method: str, status: int) -> None:
    reply = await app.client.request(method, "/kitchen/dish?a=1", json={"name": "soup", "extra": 1})
    assert reply.status == status
    if status == 400:
        items = [(item["code"], item["in"]) for item in reply.json()["errors"]]
        assert items == [("AdditionalParamsNotAllowed", "query"), ("AdditionalParamsNotAllowed", "body")]
    else:
        assert reply.json()["response"] == {"name": "soup"}


async def test_a_body_over_the_limit_of_its_route_is_413(app: TestApp) -> None:
    reply = await app.client.post("/kitchen/small", json={"name": "x" * 100})
    assert (reply.status, reply.json()["errors"][0]["code"]) == (413, "PayloadTooLarge")


async def test_unknown_methods_are_405_with_allow(app: TestApp) -> None:
    reply = await app.client.delete("/kitchen/dish")
    assert (reply.status, reply.headers["allow"]) == (405, "POST, PUT, PATCH")


async def test_head_is_answered_by_get_without_a_body(app: TestApp) -> None:
    full = await app.client.get("/kitchen/plain")
    head = await app.client.request("HEAD", "/kitchen/plain")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", full.headers["content-length"])


async def test_an_unchanged_answer_is_304(app: TestApp) -> None:
    etag = (await app.client.get("/kitchen/plain")).headers["etag"]
    reply = await app.client.get("/kitchen/plain", headers={"if-none-match": etag})
    assert (reply.status, reply.body) == (304, b"")


async def test_public_files_are_served_under_the_prefix(app: TestApp) -> None:
    reply = await app.client.get("/kitchen/index.html")
    assert (reply.status, "Kitchen" in reply.text, reply.headers["content-type"]) == (
        200,
        True,
        "text/html; charset=utf-8",
    )
    again = await app.client.get("/kitchen/", headers={"if-none-match": reply.headers["etag"]})
    assert again.status == 304


async def test_websockets_are_closed_before_they_open(app: TestApp) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app.app({"type": "websocket"}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]


async def test_jobs_run_by_hand(app: TestApp) -> None:
    await app.client.post("/kitchen/dish", json={"name": "soup"})
    await app.run_cron("kitchen-count")
    assert sys.modules["projects.kitchen.crons.count"].COUNTS[-1] == 1
    with pytest.raises(RuntimeError, match="spoiled"):
        await app.run_cron("kitchen-fail")


async def test_actions_can_be_called_directly(app: TestApp) -> None:
    steps = sys.modules["projects.kitchen.controllers.steps"]
    assert await steps.welcome(app.context(), guest=steps.Guest("Bob")) == "hello Bob"


async def test_start_functions_run_in_order_and_end_at_stop() -> None:
    async with make_app(KITCHEN):
        start = sys.modules["projects.kitchen.init.start"]
        seen = list(start.EVENTS[-2:])
    assert (seen, start.EVENTS[-1]) == (["first test", "up"], "down")


async def test_many_requests_at_once_keep_their_own_values(app: TestApp) -> None:
    names = [f"guest{number}" for number in range(50)]
    replies = await asyncio.gather(*(app.client.get(f"/kitchen/welcome?guest={name}") for name in names))
    assert [reply.json()["response"] for reply in replies] == [f"hello {name}" for name in names]


async def test_http_16_a_client_that_leaves_is_no_error(app: TestApp, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("catena").propagate = True
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"x"), (b"content-type", b"application/json"), (b"content-length", b"9")]
    scope = {"type": "http", "method": "POST", "scheme": "http", "path": "/kitchen/dish", "query_string": b""}
    await app.app({**scope, "headers": headers, "http_version": "1.1"}, receive, send)
    assert (sent, [record for record in caplog.records if record.levelno >= logging.ERROR]) == ([], [])
