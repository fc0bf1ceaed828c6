"""Is it alive, is it ready: `/health/live` and `/health/ready`, on any host.

In: the state of the databases and of the start. Out: a small JSON answer. Liveness asks nobody; readiness
asks each database at most once a second, however many ask (see `Databases.state`).
"""

from __future__ import annotations

from core.data.databases import Databases
from core.serve.response import Response


def live() -> Response:
    """200 as long as the event loop turns."""
    return Response({"status": "live"})


async def ready(databases: Databases, *, started: bool, draining: bool) -> Response:
    """200 when requests can be answered, else 503 with what is missing.

    Shape: `{status: "ready" | "starting" | "draining" | "down", databases: {name: "up" | "down"}}`.
    """
    state = await databases.state()
    if draining:
        status = "draining"
    elif "down" in state.values():
        status = "down"
    else:
        status = "ready" if started else "starting"
    return Response({"status": status, "databases": state}, 200 if status == "ready" else 503)
