"""Catena's own pages: `/docs`, `/api-docs`, `/health/live`, `/health/ready`; on any host, before the routes.

In: linked routes and settings, once; per request a path. Out: a `Response`, or `None` for everybody else's
paths. Liveness asks nobody; readiness asks each database at most once a second (see `Databases.state`).
"""

from __future__ import annotations

from functools import cached_property

from core.docs.openapi import build_openapi
from core.docs.ui import build_docs_pages
from core.errors import MethodNotAllowed
from core.serve.context import AppContext
from core.serve.delivery import accepts_gzip
from core.serve.encoding import encode_json
from core.serve.request import Request
from core.serve.response import Response
from core.serve.startup import Startup
from core.settings import is_production


class Pages:
    """The pages of one application; the paths that they answer are `paths`."""

    def __init__(self, app: AppContext, startup: Startup) -> None:
        self._app, self._startup = app, startup
        docs = app.server.docs
        shown = not is_production(app.mode) if docs.enabled is None else docs.enabled
        self._docs = build_docs_pages(docs.title, docs.description) if shown else {}
        self.paths = {"/health/live", "/health/ready", *self._docs, *(["/api-docs"] if shown else [])}

    async def answer(self, request: Request, path: str, *, draining: bool) -> Response:
        """The page of one of `paths`.

        Raises:
            MethodNotAllowed: pages are only read.
        """
        if request.method not in {"GET", "HEAD"}:
            raise MethodNotAllowed(("GET", "HEAD"))
        if path == "/health/live":
            return Response({"status": "live"})
        if path == "/health/ready":
            return await self._ready(draining=draining)
        if path == "/api-docs":
            return Response(self._document, 200, {"Content-Type": "application/json", "Cache-Control": "no-cache"})
        accepted = accepts_gzip(request.index.get(b"accept-encoding", b""))
        headers, body = self._docs[path].encode(gzip_accepted=accepted)
        return Response(body, 200, {name.decode(): value.decode() for name, value in headers})

    async def _ready(self, *, draining: bool) -> Response:
        """Shape: `{status: "ready" | "starting" | "draining" | "down", databases: {name: "up" | "down"}}`."""
        state = await self._app.db.state()
        started = "ready" if self._startup.done else "starting"
        status = "draining" if draining else "down" if "down" in state.values() else started
        return Response({"status": status, "databases": state}, 200 if status == "ready" else 503)

    @cached_property
    def _document(self) -> bytes:
        return encode_json(build_openapi(self._app.linked.routes, self._app.server))
