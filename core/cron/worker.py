"""One run: the author's function, until it ends, runs out of time, is told to stop, or loses its lease.

In: an entry that was claimed. Out: its outcome in log and history, and the entry given back. Before: `manager.py`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from contextvars import Context
from time import monotonic
from typing import Any, Final, TypeVar

from core.cron.job import Job
from core.cron.store import Document, Store
from core.data.collection import Collection
from core.data.databases import Background, Databases
from core.data.transaction import Sessions, current_transaction, open_transaction
from core.errors import JobStopped, LeaseLost, NotConnected
from core.link.linked import LinkedJob
from core.schema.model import Model
from core.serve.context import AppContext

M = TypeVar("M", bound=Model)
T = TypeVar("T")
_TRIES: Final = 8
_TRY_S, _CANCEL_AGAIN_S, _LONGEST_WAIT_S = 0.5, 5.0, 60.0


class Run:
    """A run under way."""

    def __init__(self, app: AppContext, linked: LinkedJob, store: Store, entry: Document) -> None:
        self.linked, self.entry, self.claimed_s = linked, entry, monotonic()
        self._store, self._events, self._reason, self._loop = store, app.events, "", asyncio.get_running_loop()
        named = entry["slot"], entry["id"], entry["fence"], entry["isForced"]
        self.job = Job(app, linked.identity, *named, lease=Fenced(app.db, self._confirm))
        self._task = self._loop.create_task(self._call(), context=Context())

    async def work(self, keep_trying_s: float) -> None:
        """Wait for the end and keep what came of it; while the database is out of reach, for this long again."""
        timer = self._loop.call_later(self.linked.policy.max_runtime_s, self.cancel, "timeout")
        await asyncio.wait({self._task})
        timer.cancel()
        outcome = self._judge()
        for _ in range(int(keep_trying_s / _TRY_S)):
            with suppress(NotConnected):
                return await self._store.release(self.linked.identity, self.entry, *outcome)
            await asyncio.sleep(_TRY_S)
        return None

    def stop(self, kill_after_s: float, reason: str) -> float:
        """Ask the job to come to an end, and end it after a while; returns these seconds."""
        if not self.job.stop_requested:
            self.job.stop_requested = True
            self._loop.call_later(kill_after_s, self.cancel, reason)
        return kill_after_s

    def cancel(self, reason: str) -> None:
        """End the job; again and again if it does not listen, because its entry stays until it has ended."""
        if not self._task.done():
            self._reason, self.job.stop_requested = self._reason or reason, True
            self._task.cancel()
            self._loop.call_later(_CANCEL_AGAIN_S, self.cancel, reason)

    async def _confirm(self, session: Any = None) -> None:
        if self._reason == "lost" or not await self._store.confirm(self.linked.identity, self.entry["id"], session):
            self._reason = "lost"
            raise LeaseLost(f"'{self.linked.identity}' lost its lease: another server may run it")
        self.entry.setdefault("sessions", []).extend([session] if session else [])

    async def _call(self) -> None:
        """The author's function; after a failure again, as often as it says."""
        for left in range(self.linked.policy.retry, -1, -1):
            try:
                await self.linked.call(self.job)
                return
            except (JobStopped, LeaseLost):
                raise
            except Exception as error:  # authors' code may raise anything, and what fails may be tried again
                if not left or self.job.stop_requested:
                    raise
                wait_s = min(_LONGEST_WAIT_S, 2 ** (self.linked.policy.retry - left)) * random.uniform(0.5, 1)  # noqa: S311
                self.job.log.warning("failed, again in %.1f s: %r", wait_s, error, extra={"action": "cron.retry"})
            await asyncio.sleep(wait_s)

    def _judge(self) -> tuple[str, str]:
        """Outcome and error of the ended task, told to the log."""
        failure = None if self._task.cancelled() else self._task.exception()
        usual = "cancelled" if self._task.cancelled() else "failed" if failure else "done"
        outcome = self._reason or {JobStopped: "stopped", LeaseLost: "lost"}.get(type(failure), usual)  # type: ignore[arg-type]
        self._events["cron", self.linked.identity, outcome] += 1
        text = f"{type(failure).__name__}: {failure}" if failure else ""
        extra = {"action": f"cron.{outcome}", "elapsed_ms": round((monotonic() - self.claimed_s) * 1000)}
        say = self.job.log.error if outcome in ("failed", "lost", "timeout") else self.job.log.debug
        say("job '%s' %s %s", self.linked.identity, outcome, text, exc_info=failure, extra=extra)
        return outcome, text


class Fenced(Background):
    """The databases as a run sees them: `confirm` writes into the entry of the run, or raises when it is gone.

    Each write is one transaction with that, so that nothing comes between, however long the process was stopped.
    Where no transaction spans both (another database, no replica set) it is asked just before. The sessions of these
    transactions are in the entry, so that others can end what a lost process left open.
    """

    def __init__(self, databases: Databases, confirm: Callable[..., Awaitable[None]]) -> None:
        super().__init__(databases)
        self.confirm, self._sessions = confirm, Sessions(confirm)

    def __getitem__(self, model: type[M]) -> Collection[M]:
        """The collection of a model."""
        found = _Fenced(model, self._databases.connection(model.database), background=True)
        found.groups = None  # a write of a group is no write of its own, and could not be refused
        home = self._databases.connection("")
        found.fence, found.is_covered = self, home.can_transact and self._databases.connection(model.database) is home
        return found

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Several writes together, while the lease lasts."""
        async with open_transaction(self._databases.connection(""), background=True, sessions=self._sessions):
            await self.confirm()
            yield


class _Fenced(Collection[M]):
    fence: Fenced
    is_covered: bool

    async def _write(self, verb: Callable[..., Coroutine[Any, Any, T]], *values: Any, **more: Any) -> T:
        is_alone = current_transaction() is None
        if is_alone and not self.is_covered:
            await self.fence.confirm()
        for tries in range(_TRIES if is_alone and self.is_covered else 0):
            try:
                async with self.fence.transaction():
                    return await self._call(verb, *values, **more)
            except NotConnected as error:  # somebody else was writing there
                is_conflict = getattr(error.__cause__, "has_error_label", bool)("TransientTransactionError")
                if not is_conflict or tries == _TRIES - 1:
                    raise
            await asyncio.sleep(random.uniform(0, 0.02 * 2**tries))  # noqa: S311
        return await self._call(verb, *values, **more)
