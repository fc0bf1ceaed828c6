"""Spans of OpenTelemetry: one for a request, one for each step of its chain, one for each call of an upstream.

In: what happens, and whoever calls says what it belongs to. Out: spans; an application with a tracer provider of its
own (the SDK, or an agent that brings it) sends them somewhere. Loaded only where `settings.tracing` asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any, Final

from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from core.link.linked import LinkedRoute, LinkedStep
from core.serve.exchange import Exchange, Serve
from core.serve.request import Request

#: messages of exceptions stand in the log, which knows how to keep secrets
_QUIET: Final[dict[str, Any]] = {"record_exception": False, "set_status_on_exception": False}


class Tracing:
    """Makes the spans of one worker."""

    def __init__(self) -> None:
        self._start = trace.get_tracer("catena").start_as_current_span

    def wrap(self, serve: Serve) -> Serve:
        """The same function, each request a span, which belongs to what the headers as received say."""

        async def traced(request: Request, exchange: Exchange) -> None:
            texts = {name.decode("latin-1"): value.decode("latin-1") for name, value in exchange.headers}
            with self._start("request", propagate.extract(texts), SpanKind.SERVER, **_QUIET):
                await serve(request, exchange)

        return traced

    def note(self, request: Request, status: int, size: int) -> None:
        """A request is over; called inside of its span, which gets its name now."""
        span, route = trace.get_current_span(), request.route
        span.update_name(f"{request.method} {route.url}" if route else "unmatched")
        span.set_attribute("http.request.method", request.method)
        span.set_attribute("http.route", route.url if route else "")
        span.set_attribute("http.response.status_code", status)
        span.set_attribute("http.response.body.size", size)
        span.set_attribute("client.address", request.client_ip)
        span.set_attribute("catena.request_id", request.id)
        if status >= 500:
            span.set_status(Status(StatusCode.ERROR))

    def watch(self, _: LinkedRoute, step: LinkedStep | None) -> Callable[[], AbstractContextManager[Any]] | None:
        """What a step runs inside of."""
        return None if step is None else partial(self._start, step.action.label, **_QUIET)

    @contextmanager
    def call(self, upstream: str, method: str) -> Iterator[dict[str, str]]:
        """What a call of an upstream runs inside of; gives the headers that tell the upstream what it belongs to."""
        attributes = {"http.request.method": method, "peer.service": upstream}
        with self._start(f"{method} {upstream}", None, SpanKind.CLIENT, attributes, **_QUIET):
            headers: dict[str, str] = {}
            propagate.inject(headers)
            yield headers
