"""The debug block: only where the settings allow it, and never with a secret (H02)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from core import Docs
from core.testing import Client, make_app

SECRET = "geheim-4711"
ERRORS = ("generic-defaultJSONErrorResponse", "1.0")


@pytest.fixture(params=[True, False], ids=["allowed", "not allowed"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Client, bool]]:
    options: dict[str, Any] = {"debug": request.param, "default_errors": ERRORS, "docs": replace(Docs(), enabled=False)}
    async with make_app("projects/demo", **options) as app:
        yield app.client, request.param


ASKED = {"debug": "true", "authorization": f"Bearer {SECRET}", "cookie": f"sid={SECRET}", "x-api-key": SECRET}
BODY = {"name": "milk", "password": SECRET, "deep": [{"accessToken": SECRET, "shown": 1}]}


async def test_h02_debug_is_shown_where_it_is_allowed_without_secrets(client: tuple[Client, bool]) -> None:
    caller, allowed = client
    reply = await caller.post(f"/demo/v1/todo?a=1&token={SECRET}", json=BODY, headers=ASKED)
    assert reply.status == 200
    assert ("debug" in reply.json()) is allowed
    assert SECRET not in reply.text
    if allowed:
        assert list(reply.json()) == ["status", "debug", "response"]
        seen = reply.json()["debug"]["request"]
        assert (seen["method"], seen["url"], seen["query"]) == ("POST", "/demo/v1/todo", {"a": "1", "token": "***"})
        assert seen["body"] == {"name": "milk", "password": "***", "deep": [{"accessToken": "***", "shown": 1}]}
        assert seen["headers"]["authorization"] == "***"
        assert reply.json()["debug"]["environment"] == {"mode": "test"}
        assert reply.json()["debug"]["controller"][-1].startswith("generic-defaultJSONResponse@1.0")


async def test_h02_errors_show_it_under_the_same_conditions(client: tuple[Client, bool]) -> None:
    caller, allowed = client
    reply = await caller.get("/demo/v1/todo?limit=x", headers=ASKED)
    assert reply.status == 400
    assert ("debug" in reply.json()) is allowed
    assert SECRET not in reply.text
    assert "Traceback" not in reply.text


@pytest.mark.parametrize("value", ["", "TRUE", "1", "false"])
async def test_h02_only_the_exact_word_asks(value: str, client: tuple[Client, bool]) -> None:
    reply = await client[0].get("/demo/v1/todo", headers={"debug": value})
    assert "debug" not in reply.json()
