"""JSON outputs: the envelope of a result, the same with the `filter` query, and the envelope of an error."""

from __future__ import annotations

from typing import Annotated

from core import Context, Controller, HTTPError, Params, Response, error_response, json_response, rule
from generic.libs.debug import add_debug
from generic.libs.plain import read_envelope
from generic.libs.selection import parse_names, select_members

json_output = Controller("generic-defaultJSONResponse", version="1.0", group="generic")
filtered_output = Controller("generic-defaultResponse", version="1.0", group="generic")
json_errors = Controller("generic-defaultJSONErrorResponse", version="1.0", group="generic")


class Selection(Params):
    """Query of `generic-defaultResponse`."""

    filter: Annotated[str | None, rule("Names of members to keep, separated by commas", nullable=False)] = None


@json_output.all
async def send_json(ctx: Context) -> Response:
    """The result as `{status, deprecated?, notice?, debug?, response?}`."""
    return add_debug(ctx, json_response(ctx))


@filtered_output.all
async def send_selected_json(ctx: Context, *, query: Selection) -> Response:
    """The same envelope, its `response` reduced to the members that `filter` names."""
    answer = json_response(ctx)
    names = parse_names(query.filter or "")
    if not names or ctx.result is None:
        return add_debug(ctx, answer)
    return add_debug(ctx, json_response(ctx, select_members(read_envelope(answer)["response"], names)))


@json_errors.all
async def send_json_error(ctx: Context, *, error: HTTPError) -> Response:
    """The error as `{status, errors: [{code, msg, id?, in?}], debug?}`."""
    return add_debug(ctx, error_response(ctx, error))
