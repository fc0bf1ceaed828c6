"""The server process: sockets, workers, uvicorn, a graceful stop.

In: checked settings. Out: an exit code. Called by the command line after everything was linked once, so that a
project with mistakes never opens a socket. One worker serves in this process; several, or reloading, are the
work of `supervisor.py`.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn

from core.errors import ConfigError
from core.serve.app import App
from core.serve.client import Proxies
from core.serve.guard import Guard
from core.serve.output import plain_error_response
from core.serve.protocol import Connection
from core.serve.request import Request
from core.serve.supervisor import Supervisor, WorkerPlace
from core.serve.tls import Context, build_contexts
from core.settings import Http, Https, ServerSettings

_Connect = Callable[[socket.socket], Coroutine[Any, Any, Any]]
#: so many are taken so often beside those that the loop takes; many only to refuse some: other workers may be idle
_FEW, _MANY, _TAKE_S = 8, 64, 0.02
_log = logging.getLogger("catena.server")


class _Server(uvicorn.Server):
    """uvicorn's server with TLS per listener; readiness goes at the first signal, a second one ends at once."""

    def __init__(
        self,
        config: uvicorn.Config,
        app: App,
        contexts: Sequence[Context],
        metrics: socket.socket | None,
        on_ready: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._app, self._contexts, self._metrics, self._on_ready = app, contexts, metrics, on_ready
        settings, request = app.context.server, Request("GET", "/")
        is_proxy = Proxies(settings.trusted_proxies).is_trusted
        self._guard = Guard(settings, lambda error: plain_error_response(app.context, request, error), is_proxy)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """uvicorn's, which knows one TLS context for all sockets."""
        starting = asyncio.ensure_future(self.lifespan.startup())
        while not (self.should_exit or starting.done()):
            await asyncio.wait({starting}, timeout=0.1)
        if not starting.done():  # told to stop: what starts is cancelled when the loop ends
            return
        if self.lifespan.should_exit:
            sys.exit(uvicorn.config.STARTUP_FAILURE)
        loop, settings = asyncio.get_running_loop(), self._app.context.server
        self.servers = []
        for listener, listening, context in zip(settings.listen, sockets or [], self._contexts, strict=True):
            make = partial(Connection, self._app.serve, self._guard, self.server_state, listener)
            tls: dict[str, Any] = {"ssl": context, "ssl_handshake_timeout": context and settings.timeouts.header_s}
            self.servers += [await loop.create_server(make, sock=listening, backlog=self.config.backlog, **tls)]
            _take_waiting(loop, listening, partial(loop.connect_accepted_socket, make, **tls), self._app)
        if self._metrics is not None and self._app.meter is not None:
            from core.observe.metrics import Figures, listen

            figures = Figures(self._app.context, self._app.running, self._app.admission)
            self.servers.append(await listen(self._app.meter, figures, self._metrics))
        self._guard.watch(self.server_state.connections, loop)
        gc.freeze()  # what was loaded stays: no collection has to look at it again
        self.started = True
        self._on_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  uvicorn's signature
        self._app.draining = self._guard.draining = True
        if sig == signal.SIGINT:  # somebody at a keyboard waits
            self._guard.last_call_s = 0
        self.force_exit = self.should_exit
        self.should_exit = True


def _take_waiting(loop: asyncio.AbstractEventLoop, listening: socket.socket, connect: _Connect, app: App) -> None:
    """Take connections that wait in the kernel: uvloop takes one a turn, and under load a turn is long."""
    with suppress(OSError):  # nobody waits, there is no room, or it was closed
        for _ in range(_MANY if app.admission is not None and app.admission.alert else _FEW):
            connecting = loop.create_task(connect(listening.accept()[0]))
            connecting.add_done_callback(lambda task: task.cancelled() or task.exception())
    loop.call_later(_TAKE_S, _take_waiting, loop, listening, connect, app)


def serve(
    make_app: Callable[[], App],
    settings: ServerSettings,
    root: Path,
    *,
    workers: int,
    stop_s: float,
    watch: Callable[[threading.Event], bool] | None,
    place: WorkerPlace | None,
) -> int:
    """Serve until told to stop; returns the exit code.

    `watch` blocks until the workers are to restart; `place` is what a worker of a supervisor inherited.
    Jobs may take `stop_s` to end. Files of certificates are relative to `root`.

    Raises:
        ConfigError: an address is in use, not allowed, or not of this machine; a certificate cannot be used.
    """
    contexts = build_contexts(settings.listen, root)
    if place is not None:
        place.end_with_parent()
        sockets = place.listening_sockets()
        return _run(make_app(), settings, contexts, sockets, place.index, place.report_ready)
    sockets = [_bind(f"listen[{index}]", listener) for index, listener in enumerate(settings.listen)]
    if (metrics := settings.metrics) is not None:  # one for each worker, and for the worker that replaces it
        ports = range(metrics.port, metrics.port + workers) if metrics.port else [0] * workers
        sockets += [_bind("metrics", Http(port, metrics.host)) for port in ports]
    for index, bound in enumerate(sockets):
        address, what = bound.getsockname(), "listening" if index < len(settings.listen) else "metrics"
        _log.info("%s on %s:%d", what, address[0], address[1], extra={"action": "server.listen"})
    if workers == 1 and watch is None:
        return _run(make_app(), settings, contexts, sockets, 0, lambda: None)
    if os.name != "posix":
        raise ConfigError("workers", "several workers and --reload need a Unix system")
    return Supervisor(sockets, workers, max(stop_s, settings.timeouts.drain_s), watch).run()


def _bind(name: str, listener: Http | Https) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in listener.host else socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":  # elsewhere it means that another process may take the port
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((listener.host, listener.port))
    except OSError as error:
        bound.close()
        reason = error.strerror or str(error)
        raise ConfigError(name, f"cannot listen on {listener.host}:{listener.port}: {reason}") from error
    return bound


def _run(
    app: App,
    settings: ServerSettings,
    contexts: Sequence[Context],
    sockets: Sequence[socket.socket],
    index: int,
    on_ready: Callable[[], None],
) -> int:
    """Serve as worker `index`; behind the listening sockets come those for metrics, one of each worker."""
    config = uvicorn.Config(
        app,
        http=Connection,  # made above, in a way of its own
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=128,  # what the kernel may hold back: more would time out before it is served; decision 0030
        timeout_graceful_shutdown=max(1, round(settings.timeouts.drain_s)),
    )
    listening, metrics = sockets[: len(settings.listen)], sockets[len(settings.listen) :]
    server = _Server(config, app, contexts, metrics[index] if metrics else None, on_ready)
    if os.name == "posix":  # a terminal that closes; it replaces the workers of a supervisor only
        signal.signal(signal.SIGHUP, server.handle_exit)
    try:
        server.run(list(listening))
    except KeyboardInterrupt:
        return 0
    return 0 if server.started or server.should_exit else 1
