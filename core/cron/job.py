"""What a job gets as its only argument, and a run of it without slot or lease.

In: a `LinkedJob` and the application. Out: a `Job`; runs by the clock get theirs from `worker.py`.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime

from core.data.databases import Background
from core.http.upstream import Upstreams
from core.link.linked import LinkedJob
from core.log import EventLogger, get_logger
from core.serve.context import AppContext, ProjectSettings


@dataclass(eq=False)
class Job:
    """One run of a job: due at `slot`, `forced` by somebody, to end soon if `stop_requested`.

    `run_id` is an idempotency key for effects outside; `fence` grows with every run, write it with what you store
    elsewhere.
    """

    app: AppContext
    identity: str
    slot: datetime
    run_id: str = field(default_factory=lambda: secrets.token_hex(16))
    fence: int = 0
    forced: bool = False
    stop_requested: bool = False
    lease: Background | None = None

    @property
    def db(self) -> Background:
        """The databases, over connections that no request waits for; a write without a lease is a `LeaseLost`."""
        return self.lease or self.app.db.background

    @property
    def http(self) -> Upstreams:
        """The declared upstreams: `await job.http["weather"].get("/forecast")`."""
        return self.app.http

    @property
    def settings(self) -> ProjectSettings:
        """The settings of projects."""
        return self.app.settings

    @property
    def log(self) -> EventLogger:
        """A logger whose events carry job, slot and run."""
        return get_logger("job", job=self.identity, slot=self.slot.isoformat(), run_id=self.run_id)

    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        return self.app.clock()


async def run_once(app: AppContext, job: LinkedJob) -> None:
    """Run a job now, whatever its schedule and caps say; its errors are the caller's."""
    await job.call(Job(app, job.identity, app.clock(), forced=True))
