"""Crons: functions that run by the clock, at most as often as they say.

In: `@cron("demo-cleanup", Schedule(second="*/10"))` in a project's `crons/`. Out: a `Cron`, linked to a
`LinkedJob` and run by `cron/worker.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, ParamSpec, TypeVar

from core.cron.schedule import Schedule
from core.source import Source, source_of

P = ParamSpec("P")
R = TypeVar("R", bound=Awaitable[Any])


@dataclass(frozen=True, slots=True)
class All:
    """Misfire policy: run up to `max_runs` of the missed slots, oldest first."""

    max_runs: int = 10


Misfire = Literal["once", "skip"] | All


@dataclass(frozen=True, slots=True)
class CronPolicy:
    """How often, where and how long a job may run. Times are in seconds; 0 instances mean no cap."""

    scope: Literal["cluster", "server"] = "cluster"
    max_total: int = 1
    max_per_server: int = 1
    misfire: Misfire = "once"
    overlap: Literal["skip"] = "skip"
    max_runtime_s: float = 3600
    grace_s: float = 20
    retry: int = 0
    hosts: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()


class Cron(Generic[P, R]):
    """A declared job. Stays a plain callable with its own signature."""

    def __init__(
        self, identity: str, schedule: Schedule, policy: CronPolicy, function: Callable[P, R], *, disabled: bool
    ) -> None:
        self.identity = identity
        self.version = "1.0"
        self.schedule = schedule
        self.policy = policy
        self.function = function
        self.disabled = disabled
        self.source: Source = source_of(function)
        self.__doc__ = function.__doc__
        self.__wrapped__ = function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)


def cron(
    identity: str,
    schedule: Schedule,
    *,
    scope: Literal["cluster", "server"] = "cluster",
    max_total: int = 1,
    max_per_server: int = 1,
    misfire: Misfire = "once",
    overlap: Literal["skip"] = "skip",
    max_runtime_s: float = 3600,
    grace_s: float = 20,
    retry: int = 0,
    hosts: Sequence[str] = (),
    environment: str | Sequence[str] = (),
    disabled: bool = False,
) -> Callable[[Callable[P, R]], Cron[P, R]]:
    """Declare a job: the decorated coroutine takes a `Job`.

    Args:
        identity: `<project>-<thing>`, the name of the job in the database.
        schedule: when it is due.
        scope: `cluster`: a slot runs at most once in the cluster; `server`: on every server.
        max_total: how many instances may run at once in the cluster; 0 for no cap.
        max_per_server: how many may run at once on one server; 0 for no cap.
        misfire: what happens to slots that were missed: `once`, `skip` or `All(n)`.
        overlap: what happens to a slot while the caps are reached.
        max_runtime_s: after this many seconds the job is cancelled.
        grace_s: seconds a running job gets when the server stops.
        retry: how often a failed run is tried again within its slot.
        hosts: host names it may run on; empty means every host.
        environment: modes it exists in; empty means every mode.
        disabled: a disabled job is not loaded.
    """
    modes = (environment,) if isinstance(environment, str) and environment else tuple(environment)
    policy = CronPolicy(
        scope, max_total, max_per_server, misfire, overlap, max_runtime_s, grace_s, retry, tuple(hosts), modes
    )

    def declare(function: Callable[P, R]) -> Cron[P, R]:
        return Cron(identity, schedule, policy, function, disabled=disabled)

    return declare
