"""Which foreign origins may read an answer (CORS), and what every answer of a deprecated route says.

In: a route's `Cors`, at link time; per request its Origin. Out: headers on the answer, errors included; and the
answer to a preflight. Routes without either have nothing to call. Used by `link/routes.py` and `app.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final

from core.declare.route import Cors, Route, Routes
from core.serve.request import Request
from core.serve.response import Response

#: adds headers to an answer that is about to be sent
Finisher = Callable[[Request, Response], None]
_ORIGIN: Final = re.compile(r"\*|[a-z][a-z0-9+.-]*://(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*(?::[0-9]{1,5})?")


def find_mistakes(cors: Cors | None) -> Iterator[tuple[str, str]]:
    """What is wrong with a declaration: message and hint. `null` is no origin: any sandboxed page sends it."""
    for origin in cors.origins if cors else ():
        if not _ORIGIN.fullmatch(origin):
            yield f"Cors: {origin!r} is no origin", "https://shop.example, https://*.shop.example, or *"
    if cors and cors.credentials and "*" in cors.origins:
        yield "Cors with credentials cannot admit every origin", "any page could act for its visitor; name the origins"


def build_finisher(route: Route, file: Routes, modified: str) -> Finisher | None:
    """What is added to every answer of a route; `None` where nothing is."""
    cors, deprecated = route.cors or file.cors, file.deprecated if route.deprecated is None else route.deprecated
    policy = _Policy(cors) if cors is not None else None
    # RFC 9745 wants a date: that of the last change, or the beginning of time where none is known.
    since = int(datetime.fromisoformat(modified).timestamp()) if modified else 0

    def finish(request: Request, response: Response) -> None:
        if policy is not None:
            policy.admit(request, response)
        if deprecated:
            response.set_header("deprecation", f"@{since}")

    return finish if policy is not None or deprecated else None


def answer_preflight(request: Request, policies: Mapping[str, Cors | None]) -> Response:
    """The answer to OPTIONS: 204, and for an origin that is admitted the methods that it may use.

    `policies` are those of the routes on this path by method. Only methods that are declared here are named.
    """
    response = Response(None, 204, {"Allow": ", ".join([*policies, "OPTIONS"])})
    response.set_header("vary", "origin, access-control-request-method, access-control-request-headers")
    asked = policies.get(request.header("access-control-request-method") or "")
    if asked is not None and _Policy(asked).admit(request, response):
        admitted = [method for method, cors in policies.items() if cors and _Policy(cors).admits(request)]
        response.set_header("access-control-allow-methods", ", ".join(admitted))
        response.set_header("access-control-allow-headers", ", ".join(asked.headers))
        response.set_header("access-control-max-age", str(asked.max_age_s))
    return response


class _Policy:
    """A `Cors`, ready to be asked."""

    def __init__(self, cors: Cors) -> None:
        self._any = "*" in cors.origins
        patterns = (re.escape(origin).replace(r"://\*\.", r"://(?:[a-z0-9_-]+\.)+") for origin in cors.origins)
        self._origins = re.compile("|".join(patterns) or "(?!)")
        self._fixed = {"access-control-expose-headers": ", ".join(cors.expose)} if cors.expose else {}
        if cors.credentials:
            self._fixed["access-control-allow-credentials"] = "true"

    def admits(self, request: Request) -> bool:
        """Whether the origin of a request may read the answer."""
        origin = request.header("origin")
        return origin is not None and (self._any or self._origins.fullmatch(origin[:512]) is not None)

    def admit(self, request: Request, response: Response) -> bool:
        """Say so in the headers. `*` stays `*`: no origin is echoed that is not on the list."""
        if not self._any:
            response.vary("origin")
        if not self.admits(request):
            return False
        response.set_header("access-control-allow-origin", "*" if self._any else request.header("origin") or "")
        for name, value in self._fixed.items():
            response.set_header(name, value)
        return True
