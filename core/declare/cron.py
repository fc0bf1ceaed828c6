"""Crons: functions that run by the clock, at most as often as they say.

In: `@cron("demo-cleanup", Schedule(second="*/10"))` in a project's `crons/`. Out: a `Cron`, linked to a
`LinkedJob` and run by `cron/worker.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from core.cron.schedule import Schedule
from core.declare.function import Declared, P
from core.declare.route import names

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


class Cron(Declared[P, R]):
    """A declared job."""

    version = "1.0"

    def __init__(
        self, identity: str, schedule: Schedule, policy: CronPolicy, function: Callable[P, R], *, disabled: bool
    ) -> None:
        super().__init__(function)
        self.identity = identity
        self.schedule = schedule
        self.policy = policy
        self.disabled = disabled


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
    hosts: str | Sequence[str] = (),
    environment: str | Sequence[str] = (),
    disabled: bool = False,
) -> Callable[[Callable[P, R]], Cron[P, R]]:
    """Declare a job: the decorated coroutine takes a `Job`.

    `identity` names the job in the database, `schedule` says when it is due. With `scope="cluster"` a slot runs at
    most once in the cluster, with `server` on every server. At most `max_total` instances run at once in the
    cluster and `max_per_server` on a server (0: no cap); `overlap` says what happens to a slot while they do,
    `misfire` what happens to slots that were missed. A run is cancelled after `max_runtime_s`, gets `grace_s` when
    the server stops, and is tried again `retry` times within its slot. `hosts` and `environment` name the hosts and
    modes it exists in; empty means every one.
    """
    caps, modes = (max_total, max_per_server), names(environment)
    policy = CronPolicy(scope, *caps, misfire, overlap, max_runtime_s, grace_s, retry, names(hosts), modes)

    def declare(function: Callable[P, R]) -> Cron[P, R]:
        return Cron(identity, schedule, policy, function, disabled=disabled)

    return declare
