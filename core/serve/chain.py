"""One request through its chain: the function of its route, the second halves of around steps, errors.

In: a `Context`. Out: a `Response`, always. `program.py` wrote the function. Before it: `context.py`; after it:
`response.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from typing import Any

from core import errors as failures
from core.data.deadline import Disconnected
from core.errors import HTTPError, WireCode
from core.serve.context import Context
from core.serve.output import error_response
from core.serve.response import Response

_log = logging.getLogger("catena.chain")
Kept = dict[int, Any]
Arounds = list[AsyncGenerator[Any, Response]]


async def answer(ctx: Context) -> Response:
    """The answer of a route; every failure becomes one, in the envelope, but `Disconnected`: nobody waits then."""
    kept: Kept = {}
    arounds: Arounds = []  # a call of `list[…]` would take ten times as long
    try:
        response: Response = await ctx.route.run(ctx, kept, arounds)
        while arounds:
            await _leave(arounds.pop(), response)
    except asyncio.CancelledError as error:
        response = await _answer_failure(ctx, error, kept, arounds)
    except Exception as error:  # noqa: BLE001
        # Whatever a step raises must become an answer, never a hang.
        response = await _answer_failure(ctx, error, kept, arounds)
    if response.is_taken:  # its headers are those of another client, with its cookies
        raise RuntimeError("a Response was returned for a second request: make a new one for each")
    response.is_taken = True
    if ctx.headers:
        response.add_headers(ctx.headers)  # those of the response itself win
    if ctx.limit_headers:
        response.add_raw_headers(ctx.limit_headers)
    if ctx.has_culture:
        response.vary("accept-language, culture.code")
    for cookie in ctx.cookies.values():
        response.add_header("set-cookie", cookie)
    return response


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


async def _answer_failure(ctx: Context, error: BaseException, kept: Kept, arounds: Arounds) -> Response:
    """The answer to a failure: the error steps in turn, then the default envelope."""
    if ctx.expired and isinstance(error, asyncio.CancelledError):
        error = _read_cancellation(ctx, error)
    failure = _to_http_error(ctx, await _unwind(arounds, error))
    for step in ctx.route.error_steps:
        arguments = {"error": failure, **{name: kept.get(slot) for name, slot in step.arguments}, **step.options}
        try:
            if step.kind == "async":
                answer = await step.call(ctx, **arguments)
            else:
                answer = await asyncio.to_thread(step.call, ctx, **arguments)
            if isinstance(answer, Response):
                return answer
        except asyncio.CancelledError as raised:
            failure = _to_http_error(ctx, raised)
        except Exception as raised:  # noqa: BLE001
            # An error step that fails hands on what it raised.
            failure = _to_http_error(ctx, raised)
    return error_response(ctx, failure)


def _read_cancellation(ctx: Context, error: asyncio.CancelledError) -> BaseException:
    """The deadline that passed, or a mistake of a step; raised again where others end the request."""
    task = asyncio.current_task()
    if ctx.expired:
        while task is not None and task.cancelling():
            task.uncancel()  # it was ours, and ends here
        return failures.Unavailable(WireCode.REQUEST_TIMEOUT)
    if task is not None and task.cancelling():
        raise error
    return error


def _to_http_error(ctx: Context, error: BaseException) -> HTTPError:
    """What a client may know of a failure; everything unexpected is logged with its traceback."""
    if isinstance(error, Disconnected):
        raise error
    if isinstance(error, asyncio.CancelledError):
        error = _read_cancellation(ctx, error)
    if isinstance(error, HTTPError):
        ctx.app.refusals.note(ctx.request, ctx.route.identity, error)
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
