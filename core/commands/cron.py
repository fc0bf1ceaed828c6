"""`cron list | run | suspend | resume | stop`: look at jobs, run them by hand, and tell the servers that run them.

In: a `State`. Out: an exit code. What is written to the document of a job, every server sees within two seconds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection

import click

from core.commands.state import State
from core.cron.config import FLAGS
from core.cron.job import run_once
from core.errors import ConfigError
from core.load.problems import did_you_mean

_log = logging.getLogger("catena.server")
_names = click.argument("names", nargs=-1, required=True)


@click.group()
def cron() -> None:
    """Look at the jobs, run them by hand, suspend and stop them."""


@cron.command("list")
@click.pass_obj
def list_jobs(state: State) -> None:
    """Every job with its schedule and file, and what the database says about it."""
    stored = asyncio.run(_read(state))
    for job in state.assembly.linked.jobs:
        when = f"{job.schedule.expression} ({job.schedule.timezone})"
        click.echo(f"{job.identity}  {when}  {job.source.relative_to(state.root)}{stored.pop(job.identity, '')}")
    for identity, text in stored.items():
        click.echo(f"{identity}  not declared here{text}")


async def _read(state: State) -> dict[str, str]:
    from core.cron.store import CronJob

    async with state.application() as app:
        texts = {}
        for job in await app.context.db.background[CronJob].find(projection=["config", "stats", "running"], sort="_id"):
            flags = [name for name in FLAGS if job["config"].get(name)]
            counts = [f"{name} {number}" for name, number in job.get("stats", {}).items()]
            texts[job["_id"]] = "  " + ", ".join([f"{len(job.get('running', ()))} running", *flags, *counts])
    return texts


@cron.command("run")
@_names
@click.pass_obj
def run_jobs(state: State, names: tuple[str, ...]) -> int:
    """Run jobs once, now, without a server; exit code 1 when one fails."""
    return asyncio.run(_run_jobs(state, names))


async def _run_jobs(state: State, names: tuple[str, ...]) -> int:
    _check("run", names, jobs := {job.identity: job for job in state.assembly.linked.jobs})
    async with state.application() as app:
        outcomes = await asyncio.gather(*(run_once(app.context, jobs[name]) for name in names), return_exceptions=True)
    for name, outcome in zip(names, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            _log.error("job '%s' failed: %r", name, outcome, exc_info=outcome, extra={"action": "cron.failed"})
        else:
            click.echo(f"{name}: done")
    return int(any(isinstance(outcome, BaseException) for outcome in outcomes))


def _add(command: str, flag: str, value: bool, help: str) -> None:
    @cron.command(command, help=help)
    @click.argument("names", nargs=-1, required=command == "stop")
    @click.pass_obj
    def change(state: State, names: tuple[str, ...]) -> None:
        async def write() -> None:
            from core.cron.store import CronJob

            async with state.application() as app:
                jobs = app.context.db.background[CronJob]
                known = await jobs.distinct("_id")
                if new := {job.identity for job in state.assembly.linked.jobs}.intersection(names).difference(known):
                    message = f"no server has started with job '{min(new)}' on this database yet"
                    raise ConfigError(f"cron {command}", message)
                _check(command, names, known)
                for name in names or known:
                    await jobs.update_one({"_id": name}, {"$set": {f"config.{flag}": value}}, validate=False)
                    click.echo(f"{name}: {flag} is {value}")

        asyncio.run(write())


def _check(command: str, names: tuple[str, ...], known: Collection[str]) -> None:
    for name in [name for name in names if name not in known]:
        hint = did_you_mean(name, known)
        raise ConfigError(f"cron {command}", f"there is no job '{name}'{f' ({hint})' if hint else ''}")


_add("suspend", "isSuspended", value=True, help="Start these jobs, or all, no more on any server; what runs goes on.")
_add("resume", "isSuspended", value=False, help="Start these jobs, or all, again.")
_add("stop", "stopJob", value=True, help="Ask the runs of these jobs to end; they are cancelled after 30 seconds.")
