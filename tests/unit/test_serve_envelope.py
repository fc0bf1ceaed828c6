"""mia's envelopes: members, their order, and what is left out."""

from __future__ import annotations

import pytest

from core.errors import ErrorItem, WireCode
from core.serve.encoding import encode_json
from core.serve.envelope import build_envelope, build_error_envelope


def test_members_stand_in_mia_s_order() -> None:
    envelope = build_envelope(200, {"a": 1}, deprecated=True, notice="n", debug={"d": 1})
    assert encode_json(envelope) == b'{"status":200,"deprecated":true,"notice":"n","debug":{"d":1},"response":{"a":1}}'


@pytest.mark.parametrize("result", [0, False, "", [], {}, 0.0])
def test_falsy_results_arrive(result) -> None:
    assert build_envelope(200, result) == {"status": 200, "response": result}


def test_no_result_no_response() -> None:
    assert build_envelope(201, None) == {"status": 201}


def test_errors_carry_what_they_know() -> None:
    items = [
        ErrorItem(WireCode.NOT_FOUND),
        ErrorItem("Own", "text"),
        ErrorItem("MinLengthUnderachieved", "too short", "a.b", "body"),
        ErrorItem("Own", "text", extra={"more": 1, "code": "no", "msg": "no"}),
    ]
    assert encode_json(build_error_envelope(404, items, {"d": 1}, text_of=lambda code: f"text of {code}")) == (
        b'{"status":404,"errors":['
        b'{"code":"NotFound","msg":"text of NotFound"},'
        b'{"code":"Own","msg":"text"},'
        b'{"code":"MinLengthUnderachieved","id":"a.b","msg":"too short","in":"body"},'
        b'{"code":"Own","msg":"text","more":1}'
        b'],"debug":{"d":1}}'
    )


def test_without_texts_the_message_is_empty() -> None:
    assert build_error_envelope(404, [ErrorItem("A")]) == {"status": 404, "errors": [{"code": "A", "msg": ""}]}


@pytest.mark.parametrize("status", [204, 304, 412])
def test_statuses_with_an_empty_body(status: int) -> None:
    assert build_error_envelope(status, [ErrorItem("A")]) == {}
