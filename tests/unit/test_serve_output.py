"""mia's envelopes: members, their order, and what is left out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from core.errors import ErrorItem, HTTPError, NotFound, WireCode
from core.serve.output import error_response, json_response


def context(result: Any = None, status: int = 200, *, deprecated: bool = False) -> Any:
    """As much of a `Context` as an envelope needs."""
    route = SimpleNamespace(deprecated=deprecated)
    texts = {"translate": lambda group, key, *_: f"text of {key}", "rephrase": lambda text, *_: text}
    app = SimpleNamespace(translator=SimpleNamespace(**texts))
    culture, t = ("en", "gb"), texts["translate"]
    return SimpleNamespace(route=route, result=result, status=status, t=t, app=app, culture=culture)


def test_members_stand_in_mia_s_order() -> None:
    assert json_response(context({"a": 1}, deprecated=True)).body == (
        b'{"status":200,"deprecated":true,"notice":"text of ServiceIsDeprecated","response":{"a":1}}'
    )


@pytest.mark.parametrize(
    ("result", "text"), [(0, b"0"), (False, b"false"), ("", b'""'), ([], b"[]"), ({}, b"{}"), (0.0, b"0.0")]
)
def test_falsy_results_arrive(result: Any, text: bytes) -> None:
    assert json_response(context(result)).body == b'{"status":200,"response":' + text + b"}"


def test_no_result_no_response() -> None:
    response = json_response(context(None, 201))
    assert (response.status, response.body) == (201, b'{"status":201}')
    assert json_response(context("a"), None).body == b'{"status":200}'


def test_errors_carry_what_they_know() -> None:
    items = [
        ErrorItem(WireCode.NOT_FOUND),
        ErrorItem("Own", "text"),
        ErrorItem("MinLengthUnderachieved", "too short", "a.b", "body"),
        ErrorItem("Own", "text", extra={"more": 1, "code": "no", "msg": "no"}),
    ]
    response = error_response(context(), NotFound(errors=items, headers={"X-One": "1"}))
    assert (response.status, response.header("x-one")) == (404, "1")
    assert response.body == (
        b'{"status":404,"errors":['
        b'{"code":"NotFound","msg":"text of NotFound"},'
        b'{"code":"Own","msg":"text"},'
        b'{"code":"MinLengthUnderachieved","id":"a.b","msg":"too short","in":"body"},'
        b'{"code":"Own","msg":"text","more":1}'
        b"]}"
    )


@pytest.mark.parametrize("status", [204, 304, 412])
def test_statuses_with_an_empty_body(status: int) -> None:
    class Odd(HTTPError):
        pass

    Odd.status = status
    assert error_response(context(), Odd("A")).body == b"{}"
