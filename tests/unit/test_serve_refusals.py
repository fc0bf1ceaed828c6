"""Security events: what is logged of a refusal, and how little of many (LOG-4, LOG-5)."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from core.errors import BadRequest, Forbidden, HTTPError, NotFound, TooManyRequests, Unauthorized, Unavailable
from core.log import count_dropped
from core.serve import refusals
from core.serve.refusals import Refusals
from core.serve.request import Request

REQUEST = Request("GET", "/x", client_ip="203.0.113.7")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(refusals, "monotonic", lambda: now[0])
    return now


CASES: list[tuple[HTTPError, str]] = [
    (Unauthorized(), "access.refused"), (Forbidden("Mine"), "access.refused"), (TooManyRequests(), "limit.refused"),
    (NotFound(), ""), (BadRequest(), ""), (Unavailable(), ""),
]  # fmt: skip


@pytest.mark.parametrize(("error", "action"), CASES, ids=[type(case[0]).__name__ for case in CASES])
def test_LOG_4_what_is_a_security_event(error: HTTPError, action: str, caplog: Any) -> None:
    error.actor = "device-1"
    with caplog.at_level(logging.INFO, "catena.access"):
        Refusals().note(REQUEST, "todos", error)
    told = [record.__dict__ for record in caplog.records]
    names = ("action", "code", "actor", "client_ip", "route", "request_id", "left_out")
    expected = (action, error.code, "device-1", "203.0.113.7", "todos", REQUEST.id, 0)
    assert [tuple(event[name] for name in names) for event in told] == ([expected] if action else [])


def test_LOG_5_ten_a_second_are_logged_and_the_rest_is_counted(clock: list[float], caplog: Any) -> None:
    noted, before = Refusals(), count_dropped()
    with caplog.at_level(logging.INFO, "catena.access"):
        for _ in range(500):
            noted.note(REQUEST, "todos", Unauthorized("KeyInvalid"))
        noted.note(REQUEST, "todos", Unauthorized("KeyExpired"))
        clock[0] += 1
        noted.note(REQUEST, "todos", Unauthorized("KeyInvalid"))
    told = [(record.__dict__["code"], record.__dict__["left_out"]) for record in caplog.records]
    assert told == [("KeyInvalid", 0)] * 10 + [("KeyExpired", 0), ("KeyInvalid", 490)]
    assert count_dropped() - before == 490


def test_LOG_5_made_up_codes_do_not_take_memory(caplog: Any) -> None:
    noted = Refusals()
    with caplog.at_level(logging.INFO, "catena.access"):
        for number in range(5_000):
            noted.note(REQUEST, "todos", Forbidden(f"Code{number}"))
    assert len(noted._counts) <= refusals._KINDS + 1
    assert len(caplog.records) <= refusals._KINDS + refusals._PER_SECOND * 10
