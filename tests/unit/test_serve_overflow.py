"""What no step declares, at any depth, under each policy of a route."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from core.serve.request import Request
from tests.applications import build_small_app

pytestmark = pytest.mark.usefixtures("own_imports")

FILES = {
    "projects/demo/controllers/c.py": """
        from typing import Any

        from core import Context, Controller, Params, factory

        c = Controller("demo-c")

        class Part(Params):
            size: int = 0
            parts: list["Part"] = factory(list)

        class Side(Params):
            color: str = ""

        class First(Params):
            part: Part | None = None
            parts: list[Part] = factory(list)
            rows: list[list[Part]] = factory(list)
            free: dict[str, Any] = factory(dict)
            any: Any = None

        class Second(Params):
            part: Side | None = None

        class Filter(Params):
            about: Part | None = None

        @c.action("first")
        async def first(ctx: Context, *, query: Filter, body: First) -> None: ...

        @c.action("second")
        async def second(ctx: Context, *, body: Second) -> str:
            return "done"
        """,
    "projects/demo/routes/api.py": """
        from core import Path, Route, Routes
        from projects.demo.controllers.c import first, second

        api = Routes(group="demo", paths=[Path(
            "/x", **{method: Route(method, chain=[first, second], parameter_overflow=policy)
                     for method, policy in (("put", "block"), ("patch", "log"), ("post", None))}
        )])
        """,
}
DECLARED: dict[str, Any] = {
    "part": {"size": 1, "color": "red", "parts": [{"size": 2, "parts": []}]},
    "parts": [{"size": 1}, {}],
    "rows": [[{"size": 1}]],
    "free": {"more": {"more": 1}},
    "any": [{"more": 1}],
}
UNKNOWN: dict[str, tuple[dict[str, Any], str]] = {
    "top": ({"more": 1}, "more"),
    "object": ({"part": {"more": 1, "size": 1}}, "part.more"),
    "list": ({"parts": [{}, {"more": 1}, {"more": 2, "other": {"x": 1}}]}, "parts.more, parts.other"),
    "below both": ({"part": {"parts": [{"parts": [{"color": ""}]}]}}, "part.parts.parts.color"),
    "list of lists": ({"rows": [[{}], [{}, {"more": 1}]]}, "rows.more"),
    "several levels": ({"more": 1, "part": {"more": 1}}, "more, part.more"),
}


async def ask(root: Path, method: str, value: dict[str, Any], query: bytes = b"") -> tuple[int, list[tuple[str, str]]]:
    """The status, and text and place of each error."""

    async def chunks() -> tuple[bytes, bool]:
        return orjson.dumps(value), False

    request = Request(method, "/x", query_string=query, chunks=chunks, index={b"content-type": b"application/json"})
    answer = await build_small_app(root, FILES).handle(request, "")
    errors = orjson.loads(answer.body).get("errors", [])
    return answer.status, [(item["msg"].partition(": ")[2], item["in"]) for item in errors]


@pytest.mark.parametrize(("value", "expected"), UNKNOWN.values(), ids=UNKNOWN)
async def test_VAL_10_block_refuses_what_no_step_declares_at_every_level(
    tmp_path: Path, value: dict[str, Any], expected: str
) -> None:
    assert await ask(tmp_path, "PUT", value) == (400, [(expected, "body")])


async def test_VAL_10_block_lets_through_what_some_step_declares_and_free_forms(tmp_path: Path) -> None:
    assert await ask(tmp_path, "PUT", DECLARED, b"about[size]=1") == (200, [])


async def test_VAL_10_nested_parameters_of_a_query_are_looked_at_too(tmp_path: Path) -> None:
    assert await ask(tmp_path, "PUT", {}, b"about[more]=1") == (400, [("about.more", "query")])


async def test_VAL_10_log_names_them_and_goes_on_and_ignore_says_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    value = {"part": {"more": 1}}
    assert await ask(tmp_path, "POST", value) == (200, [])
    assert caplog.messages == []
    assert await ask(tmp_path, "PATCH", value) == (200, [])
    assert caplog.messages == ["Additional parameters are not allowed: part.more in body"]
