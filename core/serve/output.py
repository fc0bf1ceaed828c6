"""Core's own answers: the JSON envelope of a result, and that of an error.

In: a `Context` and, for errors, what went wrong. Out: a `Response`. The output controllers of projects are
thin steps over these. Source: mia.js envelopes `{status, deprecated?, notice?, debug?, response?}` and
`{status, errors, debug?}`, in the intended form (decision 0004).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from core.errors import ErrorItem, HTTPError
from core.serve.context import AppContext, Context
from core.serve.envelope import build_envelope, build_error_envelope
from core.serve.request import Request
from core.serve.response import Response

#: statuses whose error body is empty, as mia's clients know them
_BARE = (204, 304)


def json_response(ctx: Context, result: Any = ...) -> Response:
    """The result of the chain in mia's JSON envelope.

    Args:
        ctx: of the request; its status and deprecation notice are used.
        result: instead of `ctx.result`.
    """
    payload = ctx.result if result is ... else result
    notice = ctx.t("", "ServiceIsDeprecated") if ctx.route.deprecated else ""
    envelope = build_envelope(ctx.status, payload, deprecated=ctx.route.deprecated, notice=notice)
    return Response(envelope, ctx.status)


def error_response(ctx: Context, error: HTTPError) -> Response:
    """An error in mia's JSON envelope, its texts in the language of the request."""
    if error.status in _BARE:
        return Response(None, error.status, error.headers)
    items = [translate_item(ctx, item) for item in error.errors]
    return Response(build_error_envelope(error.status, items), error.status, error.headers)


def translate_item(ctx: Context, item: ErrorItem) -> ErrorItem:
    """An error entry whose message is there: the translation of its code where it had none."""
    if item.msg:
        return item
    return replace(item, msg=ctx.t("", item.code))


def plain_error_response(app: AppContext, request: Request, error: HTTPError) -> Response:
    """An error in the envelope where no route matched and so no chain could answer."""
    culture = app.translator.read_culture(request.header("culture.code"), request.header("accept-language"))
    items = [
        item if item.msg else replace(item, msg=app.translator.translate("", item.code, *culture))
        for item in error.errors
    ]
    return Response(build_error_envelope(error.status, items), error.status, error.headers)
