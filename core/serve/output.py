"""Core's own answers: the JSON envelope of a result, and that of an error.

In: a `Context` and, for errors, what went wrong. Out: a `Response`. The output controllers of projects are
thin steps over these. Source: mia.js envelopes `{status, deprecated?, notice?, response?}` and
`{status, errors: [{code, id?, msg, in?, …extra}]}`, in the intended form (decision 0004).
"""

from __future__ import annotations

from typing import Any

from core.errors import ErrorItem, HTTPError
from core.serve.context import AppContext, Context
from core.serve.request import Request
from core.serve.response import Response


def json_response(ctx: Context, result: Any = ...) -> Response:
    """The result of the chain, or another one, in mia's JSON envelope.

    Source: mia.js left out every falsy `response` except empty lists and objects; here only `None` is left
    out, so that 0, false and the empty text arrive.
    """
    envelope: dict[str, Any] = {"status": ctx.status}
    if ctx.route.deprecated:
        envelope |= {"deprecated": True, "notice": ctx.t("", "ServiceIsDeprecated")}
    payload = ctx.result if result is ... else result
    if payload is not None:
        envelope["response"] = payload
    return Response(envelope, ctx.status)


def error_response(ctx: Context, error: HTTPError) -> Response:
    """An error in mia's JSON envelope, its texts in the language of the request."""
    return _build(error, ctx.app, ctx.culture)


def plain_error_response(app: AppContext, request: Request, error: HTTPError) -> Response:
    """An error in the envelope where no route matched and so no chain could answer."""
    culture = app.translator.read_culture(request.header("culture.code"), request.header("accept-language"))
    response = _build(error, app, culture)
    response.add_header("vary", "accept-language, culture.code")
    return response


def _build(error: HTTPError, app: AppContext, culture: tuple[str, str]) -> Response:
    envelope: dict[str, Any] = {}
    if error.status not in {204, 304, 412}:  # as mia's clients know them
        envelope = {"status": error.status, "errors": [_build_item(item, app, culture) for item in error.errors]}
    return Response(envelope, error.status, error.headers)


def _build_item(item: ErrorItem, app: AppContext, culture: tuple[str, str]) -> dict[str, Any]:
    translator = app.translator
    text = translator.rephrase(item.msg, *culture) if item.msg else translator.translate("", item.code, *culture)
    members = {"code": str(item.code), "id": item.id, "msg": text, "in": item.in_}
    known = {name: value for name, value in members.items() if value is not None}
    return known | {name: value for name, value in (item.extra or {}).items() if name not in known}
