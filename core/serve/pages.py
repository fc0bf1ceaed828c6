"""Catena's own pages: `/docs`, `/api-docs`, `/health/live`, `/health/ready`; on any host, before the routes.

In: linked routes and settings, once; per request a path. Out: a `Response`, or `None` for everybody else's
paths. The OpenAPI document is made when it is first asked for.
"""

from __future__ import annotations

from typing import Final

from core.docs.openapi import build_openapi
from core.docs.ui import build_docs_pages
from core.errors import MethodNotAllowed
from core.serve.context import AppContext
from core.serve.delivery import accepts_gzip
from core.serve.encoding import encode_json
from core.serve.health import live, ready
from core.serve.request import Request
from core.serve.response import Response
from core.serve.startup import Startup

LIVE: Final = "/health/live"
READY: Final = "/health/ready"
API_DOCS: Final = "/api-docs"


class Pages:
    """The pages of one application."""

    def __init__(self, app: AppContext, startup: Startup) -> None:
        self._app = app
        self._startup = startup
        docs = app.server.docs
        self._docs = build_docs_pages(docs.title, docs.description) if docs.enabled else {}
        self._document = b""
        self.paths = frozenset({LIVE, READY, *self._docs, *([API_DOCS] if docs.enabled else [])})

    async def answer(self, request: Request, path: str, *, draining: bool) -> Response:
        """The page of one of `paths`.

        Raises:
            MethodNotAllowed: pages are only read.
        """
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowed(("GET", "HEAD"))
        if path == LIVE:
            return live()
        if path == READY:
            return await ready(self._app.db, started=self._startup.done, draining=draining)
        if path == API_DOCS:
            return self._api_docs()
        asset = self._docs[path]
        headers, body = asset.encode(gzip_accepted=accepts_gzip(request.index.get(b"accept-encoding", b"")))
        sent = {name.decode(): value.decode() for name, value in headers}
        return Response(body, headers=sent)

    def _api_docs(self) -> Response:
        if not self._document:
            self._document = encode_json(build_openapi(self._app.linked.routes, self._app.server))
        headers = {"Content-Type": "application/json", "Cache-Control": "no-cache"}
        return Response(self._document, headers=headers)
