"""Aggregation: several calls under one deadline, each as soon as it can start, their results as one."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from core import BadGateway, BadRequest, Context, Controller, GatewayTimeout, HTTPError
from generic.libs.aggregation import Aggregation, PlannedCall, merge_results

_CONTROL: Final = re.compile(r"[^\t\x20-\x7e\x80-\xff]")  # what a header cannot hold

aggregate = Controller("generic-aggregate", version="1.0", group="generic")


@aggregate.all(responses={200: "Success", 502: "BadGateway", 503: "ServiceUnavailable", 504: "GatewayTimeout"})
async def collect(ctx: Context, *, options: Aggregation) -> Any:
    """The results of all calls, mapped or merged. `X-Partial-Result` names the calls that failed and may fail.

    The first failure of a call that may not fail ends the others and is the answer.
    """
    plan = options.plan
    scope, failed = _read_sources(ctx, plan.sources), set[str]()
    until = asyncio.get_running_loop().time() + options.timeout_s
    tasks: dict[str, asyncio.Task[Any]] = {}
    for planned in plan.calls:
        work = _run(ctx, planned, tasks, scope, failed, until)
        tasks[planned.call.name] = asyncio.create_task(work)
    try:
        await asyncio.gather(*tasks.values())
    except BaseException:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        raise
    if failed:
        ctx.headers["X-Partial-Result"] = ", ".join(call.name for call in options.calls if call.name in failed)
    if options.merge:
        return merge_results({call.name: scope[call.name] for call in options.calls})
    return plan.result(scope)


async def _run(
    ctx: Context,
    planned: PlannedCall,
    tasks: Mapping[str, asyncio.Task[Any]],
    scope: dict[str, Any],
    failed: set[str],
    until: float,
) -> None:
    """One call; leaves its result in the scope."""
    name = planned.call.name
    try:
        if planned.after:
            await asyncio.gather(*(asyncio.shield(tasks[other]) for other in planned.after))
        scope[name] = await _call(ctx, planned, scope, until)
    except BadRequest:
        raise
    except HTTPError:
        if not planned.may_fail:
            raise
        failed.add(name)
        scope[name] = planned.call.fallback


async def _call(ctx: Context, planned: PlannedCall, scope: Mapping[str, Any], until: float) -> Any:
    call, client = planned.call, ctx.http[planned.call.upstream]
    left_s = until - asyncio.get_running_loop().time()
    if left_s <= 0:
        raise GatewayTimeout
    values = planned.values(scope)
    missing = {name for name, value in values.items() if value is None}
    if missing:  # from the request, or from the result of another call
        raise BadRequest if missing & planned.demanded else BadGateway
    headers = {key: _CONTROL.sub("", str(text)) for key, text in planned.headers(scope).items() if text is not None}
    try:
        reply = await client.request(
            call.method,
            planned.path,
            path={**ctx.request.path_values, **values},
            query=planned.query(scope),
            headers=headers,
            json=planned.body(scope) if planned.body else ...,
            timeout_s=min(left_s, call.timeout_s or client.upstream.timeout_s),
            cache_s=call.cache_s,
            stale_s=call.stale_s,
        )
    except BadRequest:
        if values.keys() - planned.demanded:  # an upstream gave what is no segment of a path
            raise BadGateway from None
        raise
    return reply.json()


def _read_sources(ctx: Context, sources: frozenset[str]) -> dict[str, Any]:
    """What the request brings: path variables, the first value of each query field, headers."""
    request, found = ctx.request, dict[str, Any]()
    if "path" in sources:
        found["path"] = request.path_values
    if "query" in sources:
        pairs = parse_qsl(request.query_string.decode("latin-1"), keep_blank_values=True)
        found["query"] = dict(reversed(pairs))
    if "header" in sources:
        found["header"] = request.headers
    return found
