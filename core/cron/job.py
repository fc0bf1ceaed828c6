"""What a job gets as its only argument, and a run of it without slot or lease.

In: a `LinkedJob` and the application. Out: the author's coroutine, run once, whatever the clock says.
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
    """One run of a job.

    Attributes:
        app: the application.
        identity: of the job.
        slot: the instant it was due, in UTC.
        run_id: unique for the run; use it as idempotency key of outside effects.
        fence: increases with every run of the job; write it with what you store.
        stop_requested: whether the job should come to an end.
    """

    app: AppContext
    identity: str
    slot: datetime
    run_id: str = field(default_factory=lambda: secrets.token_hex(16))
    fence: int = 0
    stop_requested: bool = False

    @property
    def db(self) -> Background:
        """The databases, through connections that no request waits for."""
        return self.app.db.background

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
        """A logger whose events carry job and run."""
        return get_logger("job", job=self.identity, run_id=self.run_id)

    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        return self.app.clock()


async def run_once(app: AppContext, job: LinkedJob) -> None:
    """Run a job now, whatever its schedule and caps say; its errors are the caller's."""
    await job.call(Job(app, job.identity, app.clock()))
