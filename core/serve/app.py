"""The application: one request from the server's message to the answer's bytes.

In: ASGI. Out: ASGI. `handle` is the whole way of a request without ASGI (`Request` in, `Response` out); the
rest of this file is a thin adapter over it. Order: gate → own pages → static files → matcher → chain.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from core.data.deadline import Disconnected, while_awaited
from core.errors import HTTPError, InternalServerError, MethodNotAllowed, NotFound, StoreError, Unavailable
from core.observe.observation import Observation
from core.serve.chain import answer
from core.serve.client import Proxies
from core.serve.context import AppContext, Context
from core.serve.cors import answer_preflight
from core.serve.deadline import Deadlines
from core.serve.delivery import deliver, send_file
from core.serve.encoding import RawHeader
from core.serve.exchange import AsgiExchange, Exchange, Message, Receive, Send
from core.serve.gate import check_headers, check_host, check_request_line
from core.serve.hosts import Hosts, Listeners
from core.serve.matcher import Matcher
from core.serve.output import plain_error_response
from core.serve.overload import Admission
from core.serve.pages import Pages
from core.serve.request import Request
from core.serve.response import FileResponse, Response, StreamResponse
from core.serve.startup import Startup
from core.serve.static import StaticFiles

_log = logging.getLogger("catena.app")


class App:
    """A worker's application; a plain ASGI callable.

    Attributes:
        context: what start functions and jobs get.
        draining: set when the server was told to stop: readiness goes, running requests are finished.
        serve: answers a request that nobody looked at yet, whatever happens on the way.
        meter: what counts for `/metrics`, if anything.
        running, admission: the chains under way, and how many may be.
    """

    def __init__(self, context: AppContext, observation: Observation, on_stop: Callable[[], None]) -> None:
        self.context, self.meter, self._notes = context, observation.meter, observation.notes
        self.serve = observation.wrap(self._serve)
        self.draining, self._on_stop = False, on_stop
        self._limits = context.server.limits
        self._startup = Startup(context, lambda: self.draining)
        self._pages = Pages(context, self._startup)
        hosts = Hosts(context.server.hosts)
        self._static = StaticFiles(context.linked.public_folders, hosts)
        self._matcher = Matcher(context.linked.routes, hosts)
        proxies, listeners = Proxies(context.server.trusted_proxies), Listeners(context.server, hosts)
        self._proxies = proxies if context.server.trusted_proxies else None
        self._listeners = listeners if listeners.needed else None
        self.running = Deadlines()
        overload = context.server.overload
        self.admission = Admission(overload, self.running, partial(plain_error_response, context)) if overload else None

    async def start(self) -> None:
        """Open the databases and run the start functions."""
        await self._startup.begin()
        if self.admission is not None:
            self.admission.start()

    async def stop(self) -> None:
        """Finish background work, end the start functions, close the databases."""
        if self.admission is not None:
            self.admission.stop()
        try:
            await self._startup.end(self.context.server.timeouts.drain_s)
        finally:
            self._on_stop()

    async def handle(self, request: Request, host: str, drop_stale: Callable[[], bool] = lambda: False) -> Response:
        """The answer to a request that the gate let through to the `host` checked there; `drop_stale`: see `Exchange`.

        Raises:
            Disconnected: nobody waits for an answer.
        """
        path = request.path
        try:
            if path in self._pages.paths:
                return await self._pages.answer(request, path, draining=self.draining)
            if request.method in {"GET", "HEAD"} and (file := self._static.find(path, host)) is not None:
                return file
            route, request.path_values = self._matcher.match(request.method, host, path)
            request.route = route
        except MethodNotAllowed as error:
            routes = self._matcher.routes_at(host, path)
            request.route = next(iter(routes.values()), None)  # its pattern says what of the path nobody may read
            if request.method != "OPTIONS" or "OPTIONS" not in error.allow:
                return plain_error_response(self.context, request, error)
            return answer_preflight(request, {method: route.cors for method, route in routes.items()})
        except HTTPError as error:
            return plain_error_response(self.context, request, error)
        admission = self.admission if self.admission is not None and self.admission.alert else None
        if admission is not None and not admission.admits(route):
            response = admission.refuse(request)
        elif admission is not None and drop_stale():
            raise Disconnected
        else:
            ctx = Context(self.context, route, request)
            self.running.enter(ctx)
            try:
                if admission is not None:
                    await asyncio.sleep(0)  # all that arrived with it are counted before it begins
                response = await answer(ctx)
            finally:
                self.running.leave(ctx)
        if route.finish is not None:
            route.finish(request, response)
        return response

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """ASGI 3: `http` and `lifespan`; websockets are closed before they open (403)."""
        if scope["type"] == "http":
            exchange = AsgiExchange(scope, receive, send)
            await self.serve(exchange.read_request(scope), exchange)
        elif scope["type"] == "lifespan":
            await self._serve_lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _serve(self, request: Request, exchange: Exchange) -> None:
        try:
            try:
                response = await self.handle(request, self._admit(request, exchange), exchange.drop_stale)
            except HTTPError as error:
                response = plain_error_response(self.context, request, error)
            except Disconnected:
                raise
            except asyncio.CancelledError:
                if not self.draining:
                    raise  # else the time for running requests is up: who still waits is told to come back
                response = plain_error_response(self.context, request, Unavailable())
            except Exception as error:  # noqa: BLE001
                # The last resort: a bug of ours must not end without an answer.
                extra = {"action": "request.failed", "request_id": request.id}
                _log.error("%s %s failed: %r", request.method, request.path, error, exc_info=error, extra=extra)
                response = plain_error_response(self.context, request, InternalServerError())
            await self._send(response, request, exchange)
        except Disconnected:
            return
        finally:
            for note in self._notes:
                note(request, exchange.status, exchange.size)

    def _admit(self, request: Request, exchange: Exchange) -> str:
        """Let the gate look at a request, and fill it with what was found; returns the host name."""
        request.path = check_request_line(request.method, request.raw_path, request.query_string, self._limits)
        request.index = check_headers(exchange.headers, self._limits)
        if self._proxies is not None:
            self._proxies.apply(request)
        host = check_host(request.index.get(b"host", b""))
        return host if self._listeners is None else self._listeners.enter(request, host, exchange.port)

    def _send(self, response: Response, request: Request, exchange: Exchange) -> Awaitable[None]:
        if isinstance(response, FileResponse):
            return self._send_file(response, request, exchange)
        status, headers, body = deliver(response, request)
        headers.append((b"x-request-id", request.id.encode()))
        if isinstance(response, StreamResponse):
            return self._send_stream(response, status, headers, request, exchange)
        return exchange.answer(status, headers, b"" if request.method == "HEAD" else body)

    async def _send_file(self, response: FileResponse, request: Request, exchange: Exchange) -> None:
        response.add_header("x-request-id", request.id)
        try:
            await send_file(response, request, exchange.send)
        except NotFound as error:  # nothing was sent yet
            await self._send(plain_error_response(self.context, request, error), request, exchange)

    async def _send_stream(
        self, response: StreamResponse, status: int, headers: list[RawHeader], request: Request, exchange: Exchange
    ) -> None:
        try:
            await exchange.send({"type": "http.response.start", "status": status, "headers": headers})
            if request.method != "HEAD":
                async with while_awaited(request.until_gone):
                    async for chunk in response.iterator:
                        await exchange.send({"type": "http.response.body", "body": chunk, "more_body": True})
            await exchange.send({"type": "http.response.body", "body": b""})
        except Disconnected:
            raise
        except HTTPError as error:  # without its end, so that the server closes the connection
            extra = {"action": "response.broken", "request_id": request.id}
            _log.warning("the body of %s %s broke off: %s", request.method, request.path, error, extra=extra)
        except Exception as error:  # noqa: BLE001
            # What makes the pieces may raise anything.
            extra = {"action": "response.failed", "request_id": request.id}
            _log.error("%s %s failed: %r", request.method, request.path, error, exc_info=error, extra=extra)
        finally:
            if hasattr(response.iterator, "aclose"):
                await response.iterator.aclose()

    async def _serve_lifespan(self, receive: Receive, send: Send) -> None:
        with suppress(asyncio.CancelledError):  # told to stop before it was ready, or twice: at once, without the rest
            for phase, what, run in (("startup", "start", self.start), ("shutdown", "stop", self.stop)):
                await receive()
                try:
                    await run()
                except Exception as error:  # noqa: BLE001
                    # An author's start function may raise anything; what the database says needs no traceback.
                    trace = None if isinstance(error, StoreError) else error
                    _log.error("the %s failed: %r", what, error, exc_info=trace, extra={"action": f"{what}.failed"})
                    await send({"type": f"lifespan.{phase}.failed"})
                    return
                await send({"type": f"lifespan.{phase}.complete"})
