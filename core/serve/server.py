"""The server process: sockets, workers, uvicorn, a graceful stop.

In: checked settings. Out: an exit code. Called by `core/cli.py` after everything was linked once, so that a
project with mistakes never opens a socket. One worker serves in this process; several, or reloading, are the
work of `supervisor.py`.
"""

from __future__ import annotations

import logging
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

import uvicorn

from core.errors import ConfigError
from core.serve.app import App
from core.serve.supervisor import Supervisor, WorkerPlace
from core.settings import Http, ServerSettings

#: connections the kernel may hold back: more would time out before they are served
BACKLOG: Final = 128
_log = logging.getLogger("catena.server")


class _Server(uvicorn.Server):
    """uvicorn's server; readiness goes at the first signal, a second one of any kind ends at once."""

    def __init__(self, config: uvicorn.Config, app: App, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._app = app
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  uvicorn's signature
        self._app.draining = True
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True


def bind(listeners: Sequence[Http]) -> list[socket.socket]:
    """A bound socket for each listener.

    Raises:
        ConfigError: the address is in use, not allowed, or not of this machine.
    """
    return [_bind_one(f"listen[{index}]", listener) for index, listener in enumerate(listeners)]


def _bind_one(name: str, listener: Http) -> socket.socket:
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    if sys.platform != "win32":
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((listener.host, listener.port))
    except OSError as error:
        bound.close()
        reason = error.strerror or str(error)
        raise ConfigError(name, f"cannot listen on {listener.host}:{listener.port}: {reason}") from error
    bound.set_inheritable(True)
    return bound


def serve(
    make_app: Callable[[], App],
    settings: ServerSettings,
    *,
    workers: int,
    watched: Sequence[Path] | None,
    place: WorkerPlace | None,
) -> int:
    """Serve until told to stop.

    Args:
        make_app: builds the application of a worker.
        settings: the listeners and times.
        workers: how many processes.
        watched: folders whose changes restart the workers; `None` for never.
        place: what this process inherited, when it is a worker of a supervisor.

    Returns:
        The exit code.
    """
    if place is not None:
        place.end_with_parent()
        return _run(make_app(), settings, place.listening_sockets(), place.report_ready)
    sockets = bind(settings.listen)
    for bound in sockets:
        address = bound.getsockname()
        _log.info("listening on %s:%d", address[0], address[1], extra={"action": "server.listen"})
    if workers == 1 and watched is None:
        return _run(make_app(), settings, sockets, lambda: None)
    if sys.platform == "win32":
        raise ConfigError("workers", "several workers and --reload need a Unix system")
    watch = None if watched is None else _watcher(watched)
    return Supervisor(sockets, workers, settings.timeouts.drain_s, watch).run()


def _watcher(folders: Sequence[Path]) -> Callable[[threading.Event], bool]:
    """A function that blocks until a Python file in one of the folders changed; false when it is to stop."""

    def wait(stop: threading.Event) -> bool:
        from watchfiles import PythonFilter, watch

        changes = next(watch(*folders, watch_filter=PythonFilter(), stop_event=stop), None)
        if changes is not None:
            _log.info("a file changed, restarting", extra={"action": "server.reload"})
        return changes is not None

    return wait


def _run(app: App, settings: ServerSettings, sockets: list[socket.socket], on_ready: Callable[[], None]) -> int:
    config = uvicorn.Config(
        app,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http="httptools",
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=settings.timeouts.keep_alive_s,
        timeout_graceful_shutdown=max(1, round(settings.timeouts.drain_s)),
    )
    server = _Server(config, app, on_ready)
    try:
        server.run(sockets)
    except KeyboardInterrupt:
        return 0
    return 0 if server.started else 1
