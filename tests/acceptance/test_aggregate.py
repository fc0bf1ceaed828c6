"""Aggregation over real upstreams: order, deadline, dependencies, fallbacks, partial results, mapping and merging."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from tests.gateway import Gateway, run_gateway
from tests.upstreams import UpstreamServer, serve_upstream

ROUTES = """
    Path("/three", get=Route("three", chain=[many(
        *({"name": name, "upstream": "api", "path": f"/slow/{name}"} for name in "abc"),
    )])),
    Path("/user/:id", get=Route("user", chain=[many(
        {"name": "orders", "upstream": "api", "path": "/orders/{user.id}",
         "query": {"lang": "{query.lang}", "tags": "{user.tags}", "static": 1}, "headers": {"X-Token": "t-{user.id}"}},
        {"name": "user", "upstream": "api", "path": "/user/:id"},
        {"name": "stock", "upstream": "api", "method": "POST", "path": "/stock",
         "body": {"ids": "{orders.items}", "first": "{orders.items.0.id}", "text": "user {user.name}!"}},
        result={"name": "{user.name}", "orders": "{orders.items}", "stock": "{stock}", "none": "{user.none}"},
    )])),
    Path("/merged", get=Route("merged", chain=[many(
        {"name": "one", "upstream": "api", "path": "/json/one"}, {"name": "two", "upstream": "api", "path": "/json/two"},
        {"name": "list", "upstream": "api", "path": "/json/list"}, merge=True,
    )])),
    Path("/partial/:status", get=Route("partial", chain=[many(
        {"name": "good", "upstream": "api", "path": "/json/one"},
        {"name": "optional", "upstream": "api", "path": "/status/:status", "optional": True},
        {"name": "fallback", "upstream": "api", "path": "/status/:status", "fallback": {"items": []}},
        {"name": "after", "upstream": "api", "path": "/json/{optional.name}", "fallback": 0},
        {"name": "dead", "upstream": "dead", "optional": True},
    )])),
    Path("/strict/:status", get=Route("strict", chain=[many(
        {"name": "good", "upstream": "api", "path": "/slow/x"}, {"name": "bad", "upstream": "api", "path": "/status/:status"},
    )])),
    Path("/late", get=Route("late", chain=[many(
        {"name": "good", "upstream": "api", "path": "/json/one"},
        {"name": "late", "upstream": "api", "path": "/hang", "optional": True}, timeout_s=0.3,
    )])),
    Path("/too-late", get=Route("too-late", chain=[many({"name": "late", "upstream": "api", "path": "/hang"}, timeout_s=0.3)])),
    Path("/query", get=Route("query", chain=[many({"name": "x", "upstream": "api", "path": "/json/{query.name}"})])),
    Path("/odd", get=Route("odd", chain=[many(
        {"name": "odd", "upstream": "api", "path": "/json/odd"},
        {"name": "empty", "upstream": "api", "path": "/json/{odd.empty}", "optional": True},
        {"name": "dots", "upstream": "api", "path": "/json/{odd.dots}", "fallback": 0},
    )])),
    Path("/echo", get=Route("echo", chain=[many(
        {"name": "x", "upstream": "api", "path": "/echo", "query": {"q": "{query.q}"}, "headers": {"X-Q": "{header.x-q}"}},
    )])),
    Path("/cached", get=Route("cached", chain=[many(
        {"name": "x", "upstream": "api", "path": "/json/one", "cache_s": 60},
    )])),
"""
DATA: dict[str, Any] = {
    "one": {"a": 1, "b": 1, "name": "one"},
    "two": {"b": 2, "c": 2},
    "list": [1, 2],
    "odd": {"empty": "", "dots": ".."},
}


async def handler(request: web.Request) -> web.StreamResponse:
    parts = request.path.split("/")[1:]
    match parts:
        case ["slow", name]:
            await asyncio.sleep(0.05)
            return web.json_response({"name": name})
        case ["user", name]:
            return web.json_response({"id": f"{name}/é?", "name": name.upper(), "tags": ["x", "y"]})
        case ["orders", *_]:
            return web.json_response({"items": [{"id": 5}, {"id": 6}], "asked": request.raw_path})
        case ["stock"]:
            return web.json_response({"got": await request.json()})
        case ["json", name]:
            return web.json_response(DATA[name])
        case ["status", status]:
            return web.json_response({"name": "two", "secret": 1}, status=int(status))
        case ["echo"]:
            return web.json_response({"path": request.raw_path, "x-q": request.headers.get("x-q")})
        case _:
            await asyncio.sleep(20)
            return web.Response()


Case = tuple[Gateway, UpstreamServer]


@pytest.fixture(scope="module")
async def gateway() -> AsyncIterator[Case]:
    async with serve_upstream(handler) as server:
        upstreams = {
            "api": f'base_url="{server.url}", breaker=None, retries=0',
            "dead": 'base_url="http://127.0.0.1:1", breaker=None, retries=0',
        }
        async with run_gateway(upstreams, ROUTES) as gate:
            yield gate, server


@pytest.fixture
async def case(gateway: Case) -> Case:
    gateway[1].requests.clear()
    return gateway


async def test_calls_that_need_nothing_of_each_other_run_at_once(case: Case) -> None:
    assert (await case[0].json("/three"))["response"] == {name: {"name": name} for name in "abc"}
    waits = []
    for _ in range(10):
        began = time.monotonic()
        await case[0].json("/three")
        waits.append(time.monotonic() - began)
    assert sorted(waits)[5] < 0.12  # three times 50 ms


async def test_a_call_waits_for_what_it_refers_to_and_values_are_mapped(case: Case) -> None:
    found = (await case[0].json("/user/anna?lang=de&lang=en&x=1"))["response"]
    assert found == {
        "name": "ANNA",
        "orders": [{"id": 5}, {"id": 6}],
        "stock": {"got": {"ids": [{"id": 5}, {"id": 6}], "first": 5, "text": "user ANNA!"}},
        "none": None,
    }
    user, orders, _ = case[1].requests
    assert (user.raw_path, orders.raw_path) == ("/user/anna", "/orders/anna%2F%C3%A9%3F?lang=de&tags=x&tags=y&static=1")
    assert orders.headers["x-token"] == "t-anna/é?"


async def test_results_are_merged(case: Case) -> None:
    assert (await case[0].json("/merged"))["response"] == {"a": 1, "b": 2, "c": 2, "name": "one", "list": [1, 2]}


@pytest.mark.parametrize("status", [500, 503, 404, 302])
async def test_failures_that_are_allowed_leave_a_partial_result(case: Case, status: int) -> None:
    async with case[0].client.get(f"/partial/{status}") as reply:
        found = (await reply.json())["response"]
        assert reply.headers["x-partial-result"] == "optional, fallback, after, dead"
    assert found == {"good": DATA["one"], "optional": None, "fallback": {"items": []}, "after": 0, "dead": None}


async def test_without_a_failure_nothing_is_partial(case: Case) -> None:
    async with case[0].client.get("/partial/200") as reply:
        assert reply.headers["x-partial-result"] == "dead"
        assert (await reply.json())["response"]["after"] == DATA["two"]


async def test_EGR_9_a_failure_that_is_not_allowed_is_the_answer(case: Case) -> None:
    began = time.monotonic()
    found = await case[0].json("/strict/500")
    assert (found["status"], found["errors"][0]["code"]) == (502, "BadGateway")
    assert "secret" not in str(found)
    assert time.monotonic() - began < 1


async def test_one_deadline_holds_for_all(case: Case) -> None:
    began = time.monotonic()
    found = await case[0].json("/late")
    assert found["response"] == {"good": DATA["one"], "late": None}
    assert (await case[0].json("/too-late"))["status"] == 504
    assert time.monotonic() - began < 2


async def test_what_the_request_lacks_is_the_clients_mistake(case: Case) -> None:
    assert (await case[0].json("/query"))["status"] == 400
    assert (await case[0].json("/query?name=two"))["response"]["x"] == DATA["two"]


async def test_what_an_upstream_lacks_is_not_the_clients_mistake(case: Case) -> None:
    found = (await case[0].json("/odd"))["response"]
    assert (found["empty"], found["dots"]) == (None, 0)


async def test_EGR_1_values_of_a_request_are_only_values(case: Case) -> None:
    for name in ("..%2f..", ".."):
        assert (await case[0].json(f"/query?name={name}"))["status"] == 400
    found = (await case[0].json("/echo?q=a%26b%3Dc%23%0d%0ax", headers={"X-Q": "1"}))["response"]["x"]
    assert found == {"path": "/echo?q=a%26b%3Dc%23%0D%0Ax", "x-q": "1"}


async def test_replies_are_kept(case: Case) -> None:
    for _ in range(3):
        assert (await case[0].json("/cached"))["response"] == {"x": DATA["one"]}
    assert len(case[1].requests) == 1
