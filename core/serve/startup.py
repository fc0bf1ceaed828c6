"""What happens between the start of a worker and its first answer, and at its stop.

In: the `AppContext`. Out: open databases with their collections, start functions done, crons under way; at stop
the reverse.
A database that is down does not keep the server from starting: what needs it is tried again until it is up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from core.errors import NotConnected
from core.serve.context import AppContext

_log = logging.getLogger("catena.server")


class Startup:
    """The start of one worker; `done` once every start function has run."""

    def __init__(self, app: AppContext, is_draining: Callable[[], bool] = lambda: False) -> None:
        self._app, self._is_draining = app, is_draining
        self._crons: Any = None
        self._pending = list(app.linked.inits)
        self._closing = AsyncExitStack()
        for part in (app.db, app.http, app.cache):  # closed in the reverse order
            self._closing.push_async_callback(part.close)
        self._retrying: asyncio.Task[None] | None = None
        self.done = False

    async def begin(self) -> None:
        """Open the databases and run the start functions; errors of authors end the start.

        Raises:
            StoreError: a collection or index cannot be made.
        """
        await self._app.db.open()
        await self._app.db.ensure_collections(self._app.linked.models)
        try:
            await self._run_inits()
        except NotConnected as error:
            extra = {"action": "start.waiting", "database": error.name}
            _log.warning("starting without database '%s'; start functions wait for it", error.name, extra=extra)
            self._retrying = asyncio.get_running_loop().create_task(self._retry())
            self._retrying.add_done_callback(_report)

    async def end(self, timeout_s: float) -> None:
        """Finish background work, run the second halves of start functions, close the databases.

        Background work may take `timeout_s`, and so may all that follows. What fails skips nothing.
        """
        if self._retrying is not None:
            self._retrying.cancel()
            await asyncio.wait({self._retrying})
        if self._crons is not None:
            await self._crons.stop()
        await self._app.background.drain(timeout_s)
        async with asyncio.timeout(timeout_s):
            await self._closing.aclose()

    async def _run_inits(self) -> None:
        """Start functions in order; after an interruption those that did not run yet."""
        while self._pending:
            init = self._pending[0]
            if init.kind == "around":
                entered = init.call(self._app)
                await anext(entered)
                self._closing.push_async_callback(anext, entered, None)
            else:
                await init.call(self._app)
            self._pending.pop(0)
        self.done = True
        if self._app.linked.jobs and self._app.server.cron.enabled:
            from core.cron.manager import Manager

            self._crons = Manager(self._app, self._is_draining)
            self._crons.start()

    async def _retry(self) -> None:
        while not self.done:
            await asyncio.sleep(1)
            try:
                await self._run_inits()
            except NotConnected:
                continue
        _log.info("start functions ran, the server is ready", extra={"action": "start.done"})


def _report(retrying: asyncio.Task[None]) -> None:
    if not retrying.cancelled() and (error := retrying.exception()) is not None:
        text = "a start function failed, so the server does not become ready: %r"
        _log.error(text, error, exc_info=error, extra={"action": "start.failed"})
