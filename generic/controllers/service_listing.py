"""Listings of the services beside a route: version 2.0, and 1.0 for the clients of old."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core import Context, Controller, InternalServerError
from generic.libs.listing import describe_service, describe_service_v1, list_siblings

services_v1 = Controller("generic-listServices", version="1.0", group="generic")
services = Controller("generic-listServices", version="2.0", group="generic")

_FAILED = {500: "UnknownServiceGroupOrVersion"}


@services_v1.list(responses={200: "Success", **_FAILED})
async def list_services_v1(ctx: Context) -> list[dict[str, Any]]:
    """The services of this route's host, prefix, group and version, as clients of version 1.0 read them."""
    return _list_services(ctx, describe_service_v1)


@services.list(responses={200: "Success", **_FAILED})
async def list_services(ctx: Context) -> list[dict[str, Any]]:
    """The services of this route's host, prefix, group and version, with parameters and responses."""
    return _list_services(ctx, describe_service)


def _list_services(ctx: Context, describe: Callable[[Any, str], dict[str, Any]]) -> list[dict[str, Any]]:
    if not ctx.route.group.strip() or not ctx.route.version.strip():
        code = "UnknownServiceGroupOrVersion"
        raise InternalServerError(code, ctx.t("generic-translations", code))
    # Behind a trusted proxy, scheme and host are those that the client used.
    base_url = ctx.app.server.public_url or f"{ctx.request.scheme}://{ctx.request.host}"
    routes = list_siblings(ctx.app.linked.routes, ctx.route)
    return [describe(route, base_url.rstrip("/")) for route in routes]
