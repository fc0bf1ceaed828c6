"""The server process: sockets, workers, uvicorn, a graceful stop.

In: checked settings. Out: an exit code. Called by the command line after everything was linked once, so that a
project with mistakes never opens a socket. One worker serves in this process; several, or reloading, are the
work of `supervisor.py`.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import math
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Final

import uvicorn

from core.errors import ConfigError
from core.serve.app import App
from core.serve.client import Proxies
from core.serve.guard import Guard
from core.serve.output import plain_error_response
from core.serve.protocol import Connection
from core.serve.request import Request
from core.serve.supervisor import Supervisor, Watch, WorkerPlace
from core.serve.tls import Context, build_contexts
from core.settings import Http, Https, ServerSettings

_Connect = Callable[[socket.socket], Coroutine[Any, Any, Any]]
#: so many are taken so often beside those that the loop takes; many only to refuse some: other workers may be idle
_FEW, _MANY, _TAKE_S = 8, 64, 0.02
_BACKLOG = 128  # what the kernel may hold back: more would time out before it is served; decision 0030
#: of uvicorn; connections are made in a way of our own
_CONFIG: Final[dict[str, Any]] = {
    "http": Connection, "ws": "none", "lifespan": "on", "interface": "asgi3", "log_config": None, "access_log": False,
    "proxy_headers": False, "server_header": False, "backlog": _BACKLOG,
}  # fmt: skip
_log = logging.getLogger("catena.server")


class _Server(uvicorn.Server):
    """uvicorn's server with TLS per listener; readiness goes at the first signal, a second one ends at once.

    `stop_s` after the first one it ends whatever hangs, and be it a thread.
    """

    def __init__(self, app: App, contexts: Sequence[Context], stop_s: float, place: WorkerPlace | None) -> None:
        self._app, self._contexts, self._stop_s, self._place = app, contexts, stop_s, place
        settings, request = app.context.server, Request("GET", "/")
        drain_s = max(1, round(settings.timeouts.drain_s))
        super().__init__(uvicorn.Config(app, **_CONFIG, timeout_graceful_shutdown=drain_s))
        is_proxy = Proxies(settings.trusted_proxies).is_trusted
        self._guard = Guard(settings, lambda error: plain_error_response(app.context, request, error), is_proxy)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """uvicorn's, which knows one TLS context for all sockets."""
        if not await _is_done(self.lifespan.startup(), lambda: self.should_exit):
            return
        if self.lifespan.should_exit:
            sys.exit(1)
        loop, settings = asyncio.get_running_loop(), self._app.context.server
        self.servers = []
        for listener, listening, context in zip(settings.listen, sockets or [], self._contexts, strict=False):
            make = partial(Connection, self._app.serve, self._guard, self.server_state, listener)
            tls: dict[str, Any] = {"ssl": context, "ssl_handshake_timeout": context and settings.timeouts.header_s}
            self.servers += [await loop.create_server(make, sock=listening, backlog=self.config.backlog, **tls)]
            _take_waiting(loop, listening, partial(loop.connect_accepted_socket, make, **tls), self._app)
        if self._app.meter is not None:
            from core.observe.metrics import Figures, listen

            figures = Figures(self._app.context, self._app.running, self._app.admission)
            own = len(settings.listen) + (self._place.index if self._place is not None else 0)
            self.servers.append(await listen(self._app.meter, figures, (sockets or [])[own]))
        self._guard.watch(self.server_state.connections, loop)
        gc.freeze()  # what was loaded stays: no collection has to look at it again
        self.started = True
        if self._place is not None:
            self._place.report_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """uvicorn's, which asks once only whether a second signal came."""
        await _is_done(super().shutdown(sockets), lambda: self.force_exit)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  uvicorn's signature
        self._app.draining = self._guard.draining = True
        if sig == signal.SIGINT:  # somebody at a keyboard waits
            self._guard.last_call_s = 0
        # A terminal and systemd tell workers, too, whose supervisor will: to them it is no second signal.
        self.force_exit = self.should_exit and self._place is None
        if os.name == "posix" and (self.force_exit or not self.should_exit):
            signal.alarm(1 if self.force_exit else math.ceil(self._stop_s))
        self.should_exit = True


async def _is_done(work: Coroutine[Any, Any, None], is_told: Callable[[], bool]) -> bool:
    """Wait for work until it is done, or somebody is told: then it is cancelled when the loop ends."""
    task = asyncio.ensure_future(work)
    while not (task.done() or is_told()):
        await asyncio.wait({task}, timeout=0.1)
    return task.done() and task.result() is None


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
    stop_s: float,
    watch: Watch | None,
    place: WorkerPlace | None,
) -> int:
    """Serve until told to stop; returns the exit code.

    `place` is what a worker of a supervisor inherited. Jobs may take `stop_s` to end. Files of certificates are
    relative to `root`.

    Raises:
        ConfigError: an address is in use, not allowed, or not of this machine; a certificate cannot be used.
    """
    contexts = build_contexts(settings.listen, root)
    stop_s = max(stop_s, settings.timeouts.drain_s) + 5
    if place is not None:
        place.end_with_parent()
        sockets = place.listening_sockets()
    else:
        sockets = _open(settings)
        if settings.workers > 1 or watch is not None:
            if os.name != "posix":
                raise ConfigError("workers", "several workers and --reload need a Unix system")
            return Supervisor(sockets, settings.workers, stop_s, watch).run()
    server = _Server(make_app(), contexts, stop_s, place)
    if os.name == "posix":  # a terminal that closes; what it means to workers, their supervisor says
        signal.signal(signal.SIGHUP, server.handle_exit if place is None else signal.SIG_IGN)
    server.run(sockets)
    if os.name == "posix":
        signal.alarm(0)
    return 0


def _open(settings: ServerSettings) -> list[socket.socket]:
    """The listening sockets; behind them those for metrics, one for each worker and the one that replaces it."""
    wanted = [(f"listen[{index}]", listener) for index, listener in enumerate(settings.listen)]
    if (own := settings.metrics) is not None:
        wanted += [("metrics", Http(own.port and own.port + index, own.host)) for index in range(settings.workers)]
    sockets = [_bind(name, listener) for name, listener in wanted]
    for (name, _), bound in zip(wanted, sockets, strict=True):
        address, what = bound.getsockname(), "metrics" if name == "metrics" else "listening"
        _log.info("%s on %s:%d", what, address[0], address[1], extra={"action": "server.listen"})
    return sockets


def _bind(name: str, listener: Http | Https) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in listener.host else socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":  # elsewhere it means that another process may take the port
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((listener.host, listener.port))
        bound.listen(_BACKLOG)  # or another server could bind it, too, and uvloop says nothing when it cannot listen
    except (OSError, OverflowError) as error:
        bound.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(name, f"cannot listen on {listener.host}:{listener.port}: {reason}") from error
    return bound
