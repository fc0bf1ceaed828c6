"""A job's declaration as it is stored, and a stored one as it is run. The names in the document are mia.js's.

In: a `LinkedJob`, or the `config` of a job document, which people edit. Out: a document, or the job as it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NoReturn

from core.cron.schedule import FIELDS, Schedule
from core.declare.cron import All
from core.errors import BadDeclaration
from core.link.linked import LinkedJob
from core.load.convert import Converter

_TIME: Final = dict(zip(FIELDS, ("second", "minute", "hour", "dayOfMonth", "month", "dayOfWeek"), strict=True))
_POLICY: Final = {
    "max_total": "maxInstanceNumberTotal", "max_per_server": "maxInstanceNumberPerServer", "scope": "scope",
    "misfire": "misfire", "max_runtime_s": "maxRuntimeS", "hosts": "allowedHosts", "environment": "environment",
}  # fmt: skip
#: what people set beside the declaration
FLAGS: Final = ("isSuspended", "forceRun", "stopJob")


def store_config(job: LinkedJob) -> dict[str, Any]:
    """The declaration as a document; without the flags, which start unset."""
    every, fields = job.schedule.every_s, job.schedule.fields
    time = {"everySeconds": every} if every else {stored: fields[name] for name, stored in _TIME.items()}
    policy = {stored: getattr(job.policy, name) for name, stored in _POLICY.items()}
    misfire = {"all": job.policy.misfire.max_runs} if isinstance(job.policy.misfire, All) else job.policy.misfire
    lists = {"allowedHosts": list(job.policy.hosts), "environment": list(job.policy.environment)}
    return {"time": {**time, "timezone": job.schedule.timezone}, **policy, "misfire": misfire, **lists}


def read_config(raw: Mapping[str, Any], second: int, job: LinkedJob) -> LinkedJob:
    """The job as a document says; what it leaves out is as declared. A `ValueError` names a field that is wrong."""

    def refuse(name: str, message: str) -> NoReturn:
        raise ValueError(f"{_POLICY.get(name.partition('.')[0], name)} {message}")

    given = {name: _plain(raw[stored]) for name, stored in _POLICY.items() if raw.get(stored) is not None}
    time = raw.get("time")
    if not isinstance(time, Mapping):
        refuse("time", f"must be an object, not {time!r}")
    fields: dict[str, Any] = {name: _plain(time[stored]) for name, stored in _TIME.items() if stored in time}
    try:
        zone = str(time.get("timezone") or "UTC")
        schedule = Schedule(every_s=_plain(time.get("everySeconds")), timezone=zone, **fields)
    except BadDeclaration as error:
        refuse("time:", error.message)
    schedule.random_second = second
    return replace(job, schedule=schedule, policy=Converter(refuse).convert_fields(replace(job.policy, **given)))


def _plain(value: Any) -> Any:
    """A value as a declaration has it; the shell of MongoDB stores whole numbers as floats."""
    if isinstance(value, Mapping):
        return All(_plain(value.get("all")))
    if isinstance(value, list):
        return tuple(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value
