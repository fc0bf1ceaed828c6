"""One request through its chain: preconditions, steps, output, errors.

In: a `Context`. Out: a `Response`, always. The preconditions of every step are checked before the first step
runs (mia's order), with all errors in one 400; then each step runs with its own sections and what earlier
steps provided. Before it: `context.py`; after it: `response.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from core import errors as failures
from core.data.deadline import Disconnected
from core.errors import ErrorItem, HTTPError, PreconditionFailed, WireCode
from core.link.linked import Section
from core.serve.body import read_body_value
from core.serve.context import Context
from core.serve.output import error_response, json_response
from core.serve.response import Finish, Response
from core.serve.values import parse_query

_log = logging.getLogger("catena.chain")
Slots = list[Any]
Arounds = list[AsyncGenerator[Any, Response]]


async def run(ctx: Context) -> Response:
    """The answer of a route; every failure becomes one, in the envelope."""
    slots: Slots = [None] * ctx.route.slots
    arounds: Arounds = []
    try:
        if ctx.route.rate_limits:
            ctx.headers |= await ctx.app.limits.admit(ctx.route.rate_limits, ctx.request.client_ip)
        if ctx.route.reads:
            await _check_preconditions(ctx, slots)
        response = await _run_steps(ctx, slots, arounds)
        while arounds:
            await _leave(arounds.pop(), response)
    except Disconnected as error:
        await _unwind(arounds, error)
        raise
    except asyncio.CancelledError as error:
        if not ctx.expired:
            await _unwind(arounds, error)
            raise
        # The deadline passed: the cancellation was ours and ends here.
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
        response = await _answer(ctx, failures.Unavailable(WireCode.REQUEST_TIMEOUT), slots, arounds)
    except Exception as error:  # noqa: BLE001
        # Whatever a step raises must become an answer, never a hang.
        response = await _answer(ctx, error, slots, arounds)
    if ctx.headers:
        response.add_headers(ctx.headers)  # those of the response itself win
    for cookie in ctx.cookies.values():
        response.add_header("set-cookie", cookie)
    return response


async def _check_preconditions(ctx: Context, slots: Slots) -> None:
    """Fill the slots of all sections.

    Raises:
        PreconditionFailed: lists every broken rule of every step, each once.
    """
    route, request, limits = ctx.route, ctx.request, ctx.app.server.limits
    raw: dict[str, Any] = {"path": request.path_values}
    if "header" in route.reads:
        raw["header"] = request.headers
    if "query" in route.reads:
        raw["query"] = parse_query(request.query_string, limits)
    if "body" in route.reads:
        raw["body"] = await read_body_value(request, route.body.type, route.body.limit_bytes, limits)
    errors: list[ErrorItem] = []
    for section in route.sections:
        slots[section.slot] = section.check(raw[section.section], errors)
    if errors:
        first: dict[Any, ErrorItem] = {}
        for item in errors:  # two steps may demand the same field
            first.setdefault((item.code, item.id, item.in_), item)
        raise PreconditionFailed(list(first.values()))
    if route.parameter_overflow != "ignore":
        _check_overflow(ctx, raw)


def _check_overflow(ctx: Context, raw: Mapping[str, Any]) -> None:
    """Log or refuse fields that no step declares.

    Source: mia.js `parameterOverflow`; names are compared at the top level, sections merged over all steps.
    """
    route = ctx.route
    errors: list[ErrorItem] = []
    sections: tuple[Section, ...] = ("query", "body")
    for section in sections:
        value = raw.get(section)
        objects = [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, Mapping)]
        unknown = sorted({name for item in objects for name in item} - route.parameters.get(section, {}).keys())
        if unknown and section not in route.open_sections:
            text = f"Additional parameters are not allowed: {', '.join(unknown)}"
            errors.append(ErrorItem(WireCode.ADDITIONAL_PARAMS_NOT_ALLOWED, text, None, section))
    if errors and route.parameter_overflow == "block":
        raise PreconditionFailed(errors)
    for item in errors:
        extra = {"action": "request.overflow", "request_id": ctx.request.id, "route": route.label}
        _log.warning("%s in %s", item.msg, item.in_, extra=extra)


async def _run_steps(ctx: Context, slots: Slots, arounds: Arounds) -> Response:
    """Call each step; a `Response` ends the chain, core's JSON envelope answers where none came."""
    steps = ctx.route.steps
    index, count = 0, len(steps)
    while index < count:
        step = steps[index]
        index += 1
        arguments = {name: slots[slot] for name, slot in step.arguments}
        if step.options:
            arguments.update(step.options)
        if step.kind == "async":
            value = await step.call(ctx, **arguments)
        elif step.kind == "sync":
            value = await asyncio.to_thread(step.call, ctx, **arguments)
        else:
            around = step.call(ctx, **arguments)
            value = await anext(around)
            arounds.append(around)
        if value is None:
            continue
        if isinstance(value, Response):
            return value
        if isinstance(value, Finish):
            ctx.result = value.value
            index = max(index, ctx.route.output_at)
        elif step.provides_slot >= 0:
            slots[step.provides_slot] = value
        else:
            ctx.result = value
    return json_response(ctx)


async def _leave(around: AsyncGenerator[Any, Response], response: Response) -> None:
    """Run the second half of an around step."""
    try:
        await around.asend(response)
    except StopAsyncIteration:
        return
    await around.aclose()
    raise RuntimeError("an around step yielded twice")


async def _unwind(arounds: Arounds, error: BaseException) -> BaseException:
    """Raise the error at the `yield` of every around step, last one first; one may replace it by another."""
    while arounds:
        try:
            await arounds.pop().athrow(error)
        except StopAsyncIteration:
            continue  # it caught the error and ended; the error still is the answer
        except asyncio.CancelledError as raised:
            error = raised
        except Exception as raised:  # noqa: BLE001
            # An author's clean-up may fail, too.
            error = raised
    return error


async def _answer(ctx: Context, error: BaseException, slots: Slots, arounds: Arounds) -> Response:
    """The answer to a failure: the error steps in turn, then the default envelope."""
    failure = _to_http_error(ctx, await _unwind(arounds, error))
    for step in ctx.route.error_steps:
        arguments = {"error": failure, **{name: slots[slot] for name, slot in step.arguments}, **step.options}
        try:
            if step.kind == "async":
                answer = await step.call(ctx, **arguments)
            else:
                answer = await asyncio.to_thread(step.call, ctx, **arguments)
        except Exception as raised:  # noqa: BLE001
            # An error step that fails hands on what it raised.
            failure = _to_http_error(ctx, raised)
            continue
        if isinstance(answer, Response):
            return answer
    return error_response(ctx, failure)


def _to_http_error(ctx: Context, error: BaseException) -> HTTPError:
    """What a client may know of a failure; everything unexpected is logged with its traceback."""
    if isinstance(error, HTTPError):
        return error
    if isinstance(error, failures.DuplicateKey):
        return failures.Conflict(WireCode.DATA_RECORD_ALREADY_EXIST)
    extra = {"action": "request.failed", "request_id": ctx.request.id, "route": ctx.route.label}
    if isinstance(error, failures.NotConnected):
        _log.warning("%s failed: %r", ctx.route.label, error, extra=extra)
        return failures.Unavailable()
    _log.error("%s failed: %r", ctx.route.label, error, exc_info=error, extra=extra)
    if ctx.app.failures is not None:
        ctx.app.failures.append(error)
    return failures.InternalServerError()
