"""The debug block: what the server saw of a request, for developers, where the settings allow it.

In: a context and its answer. Out: the answer, with `debug` in its envelope when the mode has `debug=True` and the
request the header `debug: true`. Source: mia.js showed it in every mode, with stacks and secrets; here neither.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson

from core import Context, Response
from generic.libs.plain import read_envelope

#: values of these names are masked, at any depth
_SECRET = re.compile(r"auth|cookie|key|secret|token|signature|passw|credential|session|otp|pin$", re.IGNORECASE)
#: longer bodies are not shown
_BODY_BYTES = 16 * 1024


def add_debug(ctx: Context, answer: Response) -> Response:
    """The answer as it is sent; an envelope that nobody may look into is left alone."""
    if not ctx.app.server.debug or ctx.request.header("debug") != "true" or not answer.body:
        return answer
    envelope = read_envelope(answer)
    response = {"response": envelope.pop("response")} if "response" in envelope else {}
    answer.body = Response(envelope | {"debug": describe(ctx)} | response).body
    return answer


def describe(ctx: Context) -> dict[str, Any]:
    """Shape: `{request: {method, url, query, headers, body?, date, ip, group, version}, environment, controller}`."""
    request = ctx.request
    query = parse_qsl(request.query_string.decode("latin-1"), keep_blank_values=True)
    seen = {
        "method": request.method,
        "url": request.path,
        "query": mask(dict(query)),
        "headers": mask(request.headers),
        "body": _read_body(request.raw),
        "date": ctx.now(),
        "ip": request.client_ip,
        "group": ctx.route.group,
        "version": ctx.route.version,
    }
    steps = [step.action.label for step in ctx.route.steps]
    return {"request": seen, "environment": {"mode": ctx.app.mode}, "controller": steps}


def mask(value: Any) -> Any:
    """The same value, secrets as `***`."""
    if isinstance(value, Mapping):
        return {name: "***" if _SECRET.search(str(name)) else mask(inner) for name, inner in value.items()}
    return [mask(inner) for inner in value] if isinstance(value, list) else value


def _read_body(raw: bytes) -> Any:
    if not raw or len(raw) > _BODY_BYTES:
        return f"{len(raw)} bytes"
    try:
        return mask(orjson.loads(raw))
    except orjson.JSONDecodeError:
        return f"{len(raw)} bytes"
