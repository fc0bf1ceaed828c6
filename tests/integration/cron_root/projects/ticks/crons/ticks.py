"""Jobs that sleep and say so. What they write to the event log is the ground truth, not the database."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from core import All, Job, LeaseLost, Schedule, cron
from projects.ticks.models.mark import Mark
from tests.rig.events import EventLog

_log = EventLog(os.environ["CATENA_TEST_LOG"])
_WANTED = os.environ["CATENA_TEST_JOBS"].split(",")
NEVER = Schedule(day_of_month=29, month=2)


def tick(name: str, schedule: Schedule, **options: Any) -> Any:
    """A job, if the test wants it."""
    return cron(f"ticks-{name}", schedule, disabled=name not in _WANTED, **options)


@asynccontextmanager
async def told(job: Job) -> AsyncIterator[None]:
    """Say when a run starts, and how it ends."""
    named: dict[str, Any] = {"job": job.identity, "run": job.run_id, "slot": job.slot.timestamp(), "fence": job.fence}
    named["now"] = job.now().timestamp()
    _log.write("start", **named)
    try:
        yield
    except BaseException as error:
        _log.write("end", **named, error=type(error).__name__, stop=job.stop_requested)
        raise
    _log.write("end", **named, error="", stop=job.stop_requested)


@tick("capped", Schedule(every_s=1), max_total=3, max_per_server=2)
async def capped(job: Job) -> None:
    async with told(job):
        await asyncio.sleep(random.uniform(0.2, 2.5))


@tick("everywhere", Schedule(every_s=2), scope="server", max_total=0)
async def everywhere(job: Job) -> None:
    async with told(job):
        await asyncio.sleep(0.05)


@tick("once", Schedule(every_s=1))
async def once(job: Job) -> None:
    async with told(job):
        await asyncio.sleep(0.05)


@tick("skip", Schedule(every_s=1), misfire="skip")
async def skip(job: Job) -> None:
    async with told(job):
        await asyncio.sleep(0.05)


@tick("all", Schedule(every_s=1), misfire=All(4))
async def several(job: Job) -> None:
    async with told(job):
        await asyncio.sleep(0.05)


@tick("forced", NEVER)
async def forced(job: Job) -> None:
    async with told(job):
        await asyncio.sleep(0.3)


@tick("waits", NEVER, grace_s=20)
async def waits(job: Job) -> None:
    async with told(job):
        while not job.stop_requested:  # noqa: ASYNC110  what an author writes
            await asyncio.sleep(0.05)


@tick("stubborn", NEVER, grace_s=0.5)
async def stubborn(job: Job) -> None:
    async with told(job):
        await asyncio.sleep(600)


@tick("fails", NEVER, retry=1)
async def fails(job: Job) -> None:
    async with told(job):
        raise RuntimeError("spoiled")


@tick("slow", NEVER, max_runtime_s=0.5)
async def slow(job: Job) -> None:
    async with told(job):
        await asyncio.sleep(600)


@tick("writes", Schedule(every_s=1))
async def writes(job: Job) -> None:
    """Writes as long as it may, whatever it is told: like a process that was stopped and does not know."""
    async with told(job):
        number = 0
        while True:
            try:
                await job.db[Mark].insert(Mark(run=job.run_id, fence=job.fence, number=number))
                _log.write("written", run=job.run_id, number=number)
                number += 1
                await asyncio.sleep(0.02)
            except asyncio.CancelledError:
                _log.write("cancelled", run=job.run_id)
            except LeaseLost:
                _log.write("refused", run=job.run_id)
                raise


@tick("halves", Schedule(every_s=1))
async def halves(job: Job) -> None:
    """Its first run waits within a transaction, and ends it whatever it is told."""
    async with told(job), job.db.transaction():
        await job.db[Mark].insert(Mark(run=job.run_id, fence=job.fence, number=0))
        _log.write("inside", run=job.run_id)
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(600 if job.fence == 1 else 0)


async def crowd(job: Job) -> None:
    """One of a hundred that are due in the same second."""
    async with told(job):
        await asyncio.sleep(0.05)


if "crowd" in _WANTED:
    for number in range(100):
        globals()[f"crowd_{number}"] = cron(f"ticks-crowd{number}", Schedule(second="*/15"), misfire="skip")(crowd)


async def idle(job: Job) -> None:
    """Never due."""


if "idle" in _WANTED:
    for number in range(1000):
        globals()[f"idle_{number}"] = cron(f"ticks-idle{number}", NEVER)(idle)
