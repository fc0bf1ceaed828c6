"""Admission: how the limit follows the lag of the loop, and who goes first (LOAD-5)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.errors import HTTPError
from core.serve.app import App
from core.serve.overload import Admission
from core.serve.request import Request
from core.serve.response import Response
from core.settings import Overload, ServerSettings
from tests.applications import build_small_app


class Running:
    """Requests under way, as many as a test says."""

    def __init__(self) -> None:
        self.count = self.waiting = 0

    def __len__(self) -> int:
        return self.count

    def count_waiting(self) -> int:
        return self.waiting


@pytest.fixture
def running() -> Running:
    return Running()


@pytest.fixture
def admission(running: Running) -> Admission:
    return Admission(Overload(max_lag_ms=30, max_requests=1000), running, make_refusal)  # type: ignore[arg-type]


def make_refusal(request: Request, error: HTTPError) -> Response:
    """Names the languages that were asked for."""
    named = [request.header(name) or "-" for name in ("culture.code", "accept-language")]
    return Response("/".join(named), error.status, error.headers)


def asking(**headers: str) -> Request:
    return Request("GET", "/", index={name.encode(): value.encode() for name, value in headers.items()})


def route(priority: str | None = None, *, authorization: bool = False) -> Any:
    return SimpleNamespace(priority=priority, authorization=authorization)


def test_nobody_asks_while_the_loop_is_in_time(admission: Admission) -> None:
    for _ in range(100):
        admission.note(0.001)
    assert (admission.alert, admission.limit) == (False, 1000)


def test_a_full_worker_asks_even_in_time(admission: Admission, running: Running) -> None:
    running.count = 500
    admission.note(0)
    assert admission.alert


def test_the_limit_falls_from_what_is_under_way_and_comes_back(admission: Admission, running: Running) -> None:
    running.count = 300
    found = []
    for _ in range(12):
        admission.note(0.5)
        found.append(admission.limit)
        running.count = min(running.count, int(admission.limit))
    assert found[:3] == [150, 75, 40 if found[2] == 40 else 37.5]
    assert found[-1] == 4
    assert admission.alert
    for _ in range(400):
        admission.note(0)
    assert (admission.alert, admission.limit) == (False, 1000)


def test_one_pause_of_the_machine_leaves_room(admission: Admission) -> None:
    admission.note(2.0)
    assert admission.limit == 40


def test_a_little_late_is_a_little_less(admission: Admission, running: Running) -> None:
    running.count = 100
    admission.note(0.031)
    assert admission.limit == pytest.approx(90)
    admission.note(0.020)  # neither late nor in time
    assert admission.limit == pytest.approx(90)


SHED = [
    (20, "all"),
    (49, "all"),
    (50, "not low"),
    (89, "not low"),
    (90, "signed in"),
    (99, "signed in"),
    (100, "high"),
    (900, "high"),
]


@pytest.mark.parametrize(("count", "expected"), SHED, ids=[f"{count} under way" for count, _ in SHED])
def test_LOAD_5_low_goes_first_then_open_then_protected_and_high_never(
    count: int, expected: str, admission: Admission, running: Running
) -> None:
    admission.limit, running.count = 100, count
    kinds = [route("low"), route(), route(authorization=True), route("normal"), route("high")]
    admitted = [admission.admits(kind) for kind in kinds]
    wanted = {
        "all": [True] * 5,
        "not low": [False, True, True, True, True],
        "signed in": [False, False, True, True, True],
        "high": [False] * 4 + [True],
    }
    assert admitted == wanted[expected]


def test_slow_bodies_do_not_use_up_the_limit(admission: Admission, running: Running) -> None:
    running.count, running.waiting = 200, 198
    for _ in range(10):
        admission.note(0.5)
    assert admission.admits(route())


LANGUAGES = [{}, {"accept-language": "de"}, {"culture.code": "de-at"}, {"accept-language": "de"}]


def test_refusals_speak_the_language_of_the_request_and_spread_who_comes_again(admission: Admission) -> None:
    answers = [admission.refuse(asking(**LANGUAGES[number // 3])) for number in range(12)]
    assert {answer.status for answer in answers} == {503}
    assert [answer.header("retry-after") for answer in answers] == ["2", "3", "1"] * 4
    assert [answer.body for answer in answers[::3]] == [b"-/-", b"-/de", b"de-at/-", b"-/de"]
    assert admission.refused == 12


def test_a_refusal_is_made_once_and_sent_as_a_copy(admission: Admission) -> None:
    first, *_, again = [admission.refuse(asking()) for _ in range(4)]
    first.set_header("access-control-allow-origin", "https://shop.example")
    assert again.body is first.body
    assert again.header("access-control-allow-origin") is None
    assert again.header("retry-after") == "2"


def test_languages_that_nobody_speaks_are_forgotten(admission: Admission) -> None:
    for number in range(1_000):
        admission.refuse(asking(**{"accept-language": f"x{number}"}))
    assert len(admission._made) <= 64


SHOP = {
    "projects/shop/controllers/shop.py": """
        import asyncio

        from core import Context, Controller

        shop = Controller("shop-shop", version="1.0")

        @shop.list
        async def wait(ctx: Context) -> None:
            await asyncio.sleep(0)
    """,
    "projects/shop/routes/api.py": """
        from core import Cors, Path, Route, Routes
        from projects.shop.controllers.shop import wait

        api = Routes(group="shop", prefix="/shop", cors=Cors(["https://shop.example"]), paths=[
            Path("./", list=Route("wait", chain=[wait])),
        ])
    """,
}


@pytest.fixture
def app(tmp_path: Path, own_imports: None) -> App:
    """An application that refuses what it must."""
    built = build_small_app(tmp_path, SHOP, ServerSettings(default_output=None))
    built.admission.alert = True
    return built


async def test_LOAD_1_what_arrives_together_is_counted_before_one_begins(app: App) -> None:
    app.admission.limit = 10

    async def ask() -> int:
        return (await app.handle(Request("GET", "/shop/"), "")).status

    statuses = await asyncio.gather(*(ask() for _ in range(50)))
    assert statuses == [200] * 9 + [503] * 41, "nine tenths of the limit are for everybody"


async def test_HTTP_8_pages_of_other_origins_can_read_a_refusal(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.admission, "admits", lambda _: False)
    origins = "https://shop.example", "https://evil.example"
    answers = [await app.handle(Request("GET", "/shop/", index={b"origin": origin.encode()}), "") for origin in origins]
    assert [answer.status for answer in answers] == [503, 503]
    assert [answer.header("access-control-allow-origin") for answer in answers] == [origins[0], None]
    assert b"ServiceUnavailable" in answers[1].body
