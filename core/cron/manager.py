"""Runs the jobs of one server by the clock: timers, the lease, and what others changed in the database.

In: the application. Out: runs. One question every two seconds, one beat every three, one claim for each slot. Timers
wait on the monotonic clock for times of the database's clock: this machine's may say what it likes. Next: `worker.py`.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any, Final, TypeVar

from core.cron.config import FLAGS, read_config, store_config
from core.cron.lease import CronServer, Lease
from core.cron.plan import plan_skip, plan_starts
from core.cron.store import CronJob, CronRun, Document, Store
from core.cron.worker import Run
from core.declare.cron import All
from core.errors import NotConnected, StoreError
from core.link.linked import LinkedJob
from core.serve.context import AppContext

T = TypeVar("T")
_log = logging.getLogger("catena.cron")
_READ_S, _AGAIN_S, _JITTER_S, _KILL_AFTER_S = 1.8, 0.5, 0.08, 30.0
_LONGEST_S: Final = 60.0  # a timer looks again: the database's clock may be set
_CLAIMS: Final = 8


class _Tracked:
    """A job as declared, and as its document says. `handled`: its newest slot; `None`: the database has to say."""

    handled: datetime | None = None
    taken: datetime | None = None  #: the newest slot that anybody handled, when the document was read
    timer: asyncio.TimerHandle | None = None
    is_busy = is_waiting = False

    def __init__(self, job: LinkedJob) -> None:
        self.declared = self.job = job
        self.document: Document = {"config": {}}

    def rest(self, handled: datetime | None = None) -> None:
        """Wait for nothing; without `handled` the database says where to go on."""
        self.handled, timer, self.timer = handled, self.timer, None
        if timer is not None:
            timer.cancel()


class Manager:
    """Runs jobs while it holds a lease: a beat that the database confirmed not long ago."""

    def __init__(self, app: AppContext, is_draining: Callable[[], bool]) -> None:
        self._app, self._is_draining = app, is_draining
        self._look, self._gate = asyncio.Event(), asyncio.Semaphore(_CLAIMS)
        self._dead_after_s, port = app.server.cron.dead_after_s, app.server.listen[0].port if app.server.listen else 0
        self._lease = Lease(app.db, port, self._dead_after_s, self._on_lease)
        self._store = Store(app.db, self._lease)
        self._jobs = {job.identity: _Tracked(job) for job in app.linked.jobs}
        self._runs: dict[str, Run] = {}
        self._claims: set[str] = set()
        self._is_suspended = self._is_ending = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loops: list[asyncio.Task[Any]] = []

    def start(self) -> None:
        """Begin, if this host may; a database that is down is waited for."""
        if self._lease.host in (self._app.server.cron.allowed_hosts or [self._lease.host]):
            self._loops = [self._spawn(work) for work in (self._lease.keep(), self._observe())]

    async def stop(self) -> None:
        """Start nothing more, ask jobs to end, wait as long as each may take, and leave."""
        self._is_ending = True
        grace_s = max([run.stop(run.linked.policy.grace_s, "cancelled") for run in self._runs.values()], default=0)
        if working := self._tasks.difference(self._loops):
            await asyncio.wait(working, timeout=grace_s + 5)
        if self._lease.is_held and not self._runs:
            await self._lease.leave()
        self._lease.lose()
        for task in (left := list(self._tasks)):
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _on_lease(self) -> None:
        """Held: look what there is to do. Lost: others may take over soon, or have, so end what runs before."""
        for run in () if self._lease.is_held else self._runs.values():
            run.cancel("lost")
        for tracked in self._jobs.values():
            tracked.rest()
        self._look.set()

    def _may_start(self) -> bool:
        return self._lease.is_held and not (self._is_suspended or self._is_ending or self._is_draining())

    async def _observe(self) -> None:
        """Read everything once the lease is held, again and again."""
        with suppress(StoreError):
            await self._app.db.ensure_collections([CronJob, CronRun, CronServer])
        await self._look.wait()
        while True:
            self._look.clear()
            asked_s, wait_s = monotonic(), min(_READ_S, self._dead_after_s / 5)
            try:
                self._take(*await self._store.read(), asked_s)
            except (StoreError, LookupError, TypeError, AttributeError) as error:  # people edit them into any shape
                wait_s = _report(error)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._look.wait()

    def _take(self, jobs: Mapping[str, Document], servers: Mapping[str, Document], asked_s: float) -> None:
        """Compare the documents with what is known and what runs here."""
        me = self._lease.server
        self._is_suspended = bool(servers.get(me, {}).get("isSuspended"))
        entries = {entry["id"]: (job, entry) for job, document in jobs.items() for entry in document["running"]}
        for run_id, run in self._runs.items():
            job, entry = entries.get(run_id, ("", {}))
            if not entry and run.claimed_s < asked_s:
                run.cancel("lost")
            elif entry and (entry.get("stop") or jobs[job]["config"].get("stopJob")):
                run.stop(_KILL_AFTER_S, "stopped")
            elif self._is_draining():
                run.stop(run.linked.policy.grace_s, "cancelled")
        for run_id, (job, entry) in entries.items():  # claims whose answer was lost
            if entry["server"] == me and run_id not in self._runs and run_id not in self._claims:
                self._spawn(self._store.drop(job, entry))
        known = {identity for identity in self._jobs if "second" in jobs.get(identity, ())}
        for identity in known:
            self._look_at(self._jobs[identity], jobs[identity])
        if fresh := {name: store_config(self._jobs[name].declared) for name in self._jobs.keys() - known}:
            self._spawn(self._store.declare(fresh))
        beats = {server: document["beat"] for server, document in servers.items() if server != me}
        holders = {entry["server"] for _, entry in entries.values()} - servers.keys() - {me}
        for server, beat in self._lease.silent(beats, holders, asked_s):
            _tell("warning", "reap", "server %s fell silent", server)
            self._spawn(self._store.reap(server, beat))

    def _look_at(self, tracked: _Tracked, document: Document) -> None:
        """Adopt what the document of a job says, and wake the job if there is something to do."""
        identity, raw, before = tracked.job.identity, document["config"], tracked.document["config"]
        is_old, tracked.document = document is tracked.document, document
        if is_old and tracked.timer and self._may_start() and not (tracked.is_waiting or raw.get("stopJob")):
            return  # most of many jobs, each time
        if not before:
            self._compare(tracked, document)
        if raw != before:
            try:
                tracked.job = read_config(raw, document["second"], tracked.declared)
            except ValueError as error:
                _tell("error", "config", "the document of job '%s' is not used: %s", identity, error)
            if [raw.get("time"), raw.get("scope")] != [before.get("time"), before.get("scope")]:
                tracked.rest()
        if raw.get("stopJob"):
            self._spawn(self._store.spread_stop(identity))
        policy, host, mode = tracked.job.policy, self._lease.host, self._app.mode
        is_here = host in (policy.hosts or [host]) and mode in (policy.environment or [mode])
        if raw.get("isSuspended") or not is_here or not self._may_start():
            tracked.rest()
            return
        slots = document["slots"].get(self._spot(tracked), {})
        tracked.taken, tracked.is_waiting = slots.get("last"), bool(raw.get("forceRun") or slots.get("backlog"))
        if tracked.timer is None or tracked.is_waiting:
            self._wake(tracked, document)

    def _compare(self, tracked: _Tracked, document: Document) -> None:
        """At start: take over a changed declaration, unless somebody edited the document."""
        stored = {name: value for name, value in document["config"].items() if name not in FLAGS}
        identity, declared = tracked.job.identity, store_config(tracked.declared)
        if stored == document.get("declared") != declared:
            self._spawn(self._in_turn(self._store.adopt, identity, declared, stored))
        elif declared not in (document.get("declared"), stored):
            _tell("warning", "edited", "job '%s': its new declaration yields to the edited document", identity)

    def _spot(self, tracked: _Tracked) -> str:
        return "cluster" if tracked.job.policy.scope == "cluster" else self._lease.place

    def _wake(self, tracked: _Tracked, document: Document | None = None) -> None:
        if not tracked.is_busy:
            tracked.is_busy = True
            self._spawn(self._serve(tracked, document))

    async def _serve(self, tracked: _Tracked, document: Document | None) -> None:
        """Start what is to be started of one job, then wait for its next slot."""
        least_s = 0.0
        try:
            if document is not None:
                await self._settle(tracked, document)
            handled, now = tracked.handled, self._lease.now()
            slots = plan_starts(tracked.job.schedule, handled, now) if handled is not None else []
            if slots is None:
                tracked.rest()
                self._look.set()
            for slot in slots or ():
                await self._claim(tracked, slot)
                tracked.handled = slot
        except NotConnected:
            least_s = _AGAIN_S  # the slot is tried again until it is late
        finally:
            tracked.is_busy = False
        tracked.rest(tracked.handled)
        if tracked.handled is not None and self._may_start():
            due = tracked.job.schedule.next_run(tracked.handled) + timedelta(seconds=random.uniform(0, _JITTER_S))  # noqa: S311
            self._await(tracked, due, least_s)

    def _await(self, tracked: _Tracked, due: datetime, least_s: float = 0) -> None:
        """Wake a job when it is due; one that is far away is not planned again each time."""
        delay_s = max(least_s, (due - self._lease.now()).total_seconds())
        if delay_s > _LONGEST_S:
            tracked.timer = asyncio.get_running_loop().call_later(_LONGEST_S, self._await, tracked, due)
        else:
            tracked.timer = asyncio.get_running_loop().call_later(delay_s, self._wake, tracked)

    async def _settle(self, tracked: _Tracked, document: Document) -> None:
        """What only the database knows: forced runs, missed slots, and where a new schedule begins."""
        job, spot, time = tracked.job, self._spot(tracked), document["config"].get("time")
        slots, now = document["slots"].get(spot, {}), self._lease.now()
        backlog, misfire = slots.get("backlog", []), job.policy.misfire
        most = misfire.max_runs if isinstance(misfire, All) else int(misfire == "once")
        if document["config"].get("forceRun"):
            await self._claim(tracked, None)
        if slots.get("time") != time or "last" not in slots:
            await self._in_turn(self._store.rebase, job.identity, spot, time)
            tracked.handled = now
        elif tracked.handled is None:
            missed = plan_skip(job.schedule, slots["last"], now) if most else []
            change = job.identity, spot, slots, missed, missed[-most:]
            if bool(missed) and await self._in_turn(self._store.skip, *change):
                tracked.handled, backlog = missed[-1], [*backlog, *missed[-most:]]
                self._app.events["missed", job.identity] += len(missed)
                _tell("warning", "missed", "job '%s' missed %d slots", job.identity, len(missed))
            elif missed:  # somebody was faster
                self._look.set()
            else:
                tracked.handled = now
        for slot in backlog:
            if await self._claim(tracked, slot, missed=True) != "started":
                return

    async def _in_turn(self, verb: Callable[..., Coroutine[Any, Any, T]], *values: Any) -> T:
        """A few at a time: a thousand jobs at once would wait for connections until their time is up."""
        async with self._gate:
            return await verb(*values)

    async def _claim(self, tracked: _Tracked, slot: datetime | None, *, missed: bool = False) -> str:
        """Try to start one run. When nobody knows what came of it this raises, and the next reading tells."""
        run_id, job = secrets.token_hex(16), tracked.job
        async with self._gate:
            if not self._may_start() or (slot and tracked.taken and slot <= tracked.taken and not missed):
                return "lost"
            self._claims.add(run_id)
            try:
                outcome, entry = await self._store.claim(job, run_id, self._spot(tracked), slot, missed=missed)
            finally:
                self._claims.discard(run_id)
        if outcome == "lost" and self._gate.locked():
            self._look.set()  # many are due at once: one question tells what others took
        tracked.is_waiting = tracked.is_waiting or outcome == "queued"
        if outcome == "started" and not self._may_start():
            await self._store.drop(job.identity, entry)
        elif outcome == "started":
            if slot is not None and not missed:  # what was jumped over is counted when the run ends
                entry["missed"] = len(plan_skip(job.schedule, entry["previous"], slot - timedelta(milliseconds=1)))
                self._app.events["missed", job.identity] += entry["missed"]
            run = self._runs[run_id] = Run(self._app, job, self._store, entry)
            self._spawn(run.work(self._dead_after_s)).add_done_callback(partial(self._end, tracked, run_id))
        return outcome

    def _end(self, tracked: _Tracked, run_id: str, _: object) -> None:
        del self._runs[run_id]
        if tracked.is_waiting:
            self._look.set()

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _report(error)


def _report(error: BaseException) -> float:
    """Say what went wrong, except that the database is out of reach; seconds to wait before the next try."""
    if not isinstance(error, NotConnected):
        _tell("error", "failed", "%r", error)
    return _AGAIN_S


def _tell(level: str, action: str, message: str, *values: object) -> None:
    getattr(_log, level)(message, *values, extra={"action": f"cron.{action}"})
