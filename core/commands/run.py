"""Commands that do something: `serve`, `cron`, `indexes`.

In: a `State`. Out: an exit code; `serve` returns when the server was told to stop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from core.commands.state import State
from core.cron.job import run_once
from core.data.databases import Databases
from core.data.ladder import climb, pass_on
from core.errors import ConfigError
from core.load.problems import did_you_mean
from core.serve.app import App
from core.serve.create import HOME, build_app
from core.serve.server import serve as run_server
from core.serve.supervisor import WorkerPlace

_log = logging.getLogger("catena.server")


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help="Instead of the first listener's port.")
@click.option("--workers", type=click.IntRange(1, 256), help="Instead of the number in the settings.")
@click.option("--reload", is_flag=True, help="Restart when a project file changes (mode local only).")
@click.option("--no-cron", is_flag=True, help="Run no crons.")
@click.pass_obj
def serve(state: State, port: int | None, workers: int | None, reload: bool, no_cron: bool) -> int:
    """Serve the projects until SIGTERM; running requests are finished first."""
    settings = state.settings
    if reload and state.mode != "local":
        raise ConfigError("--reload", f"is for mode local, not {state.mode}")
    if port is not None:
        first, *others = settings.listen
        settings = replace(settings, listen=(replace(first, port=port), *others))
    if no_cron:
        settings = replace(settings, cron=replace(settings.cron, enabled=False))
    state.__dict__["settings"] = settings
    place = WorkerPlace.read()
    assembly = state.assembly
    ground = climb(settings.databases, state.root)
    if place is None:
        pass_on(ground)
    watched = [state.root / "projects", state.root / "config", HOME / "generic"] if reload else None

    def make_app() -> App:
        databases = Databases(ground.databases, settings.default_database, memory=ground.memory)
        return build_app(assembly, databases)

    if os.name == "posix":
        import resource  # there is none elsewhere

        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # connections are files
    try:
        return run_server(
            make_app,
            settings,
            state.root,
            workers=workers or settings.workers,
            watch=_watcher([folder for folder in watched if folder.is_dir()]) if watched else None,
            place=place,
        )
    finally:
        ground.stop()


def _watcher(folders: Sequence[Path]) -> Callable[[threading.Event], bool]:
    """A function that blocks until a Python file in one of the folders changed; false when it is to stop."""

    def wait(stop: threading.Event) -> bool:
        from watchfiles import PythonFilter, watch

        changes = next(watch(*folders, watch_filter=PythonFilter(), stop_event=stop), None)
        if changes is not None:
            _log.info("a file changed, restarting", extra={"action": "server.reload"})
        return changes is not None

    return wait


@click.group()
def cron() -> None:
    """Look at the jobs, and run them by hand."""


@cron.command("list")
@click.pass_obj
def list_jobs(state: State) -> None:
    """Every job with its schedule and the file it stands in."""
    for job in state.assembly.linked.jobs:
        place = job.source.relative_to(state.root)
        click.echo(f"{job.identity}  {job.schedule.expression} ({job.schedule.timezone})  {place}")


@cron.command("run")
@click.argument("names", nargs=-1, required=True)
@click.pass_obj
def run_jobs(state: State, names: tuple[str, ...]) -> int:
    """Run jobs once, now, without a server; exit code 1 when one fails."""
    return asyncio.run(_run_jobs(state, names))


async def _run_jobs(state: State, names: tuple[str, ...]) -> int:
    jobs = {job.identity: job for job in state.assembly.linked.jobs}
    for name in names:
        if name not in jobs:
            hint = did_you_mean(name, jobs)
            raise ConfigError("cron run", f"there is no job '{name}'{f' ({hint})' if hint else ''}")
    async with state.application() as app:
        runs = [run_once(app.context, jobs[name]) for name in names]
        outcomes = await asyncio.gather(*runs, return_exceptions=True)
    failed = 0
    for name, outcome in zip(names, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            failed = 1
            extra = {"action": "cron.failed"}
            _log.error("job '%s' failed: %r", name, outcome, exc_info=outcome, extra=extra)
        else:
            click.echo(f"{name}: done")
    return failed


@click.command()
@click.option("--prune", is_flag=True, help="Drop indexes that no model declares.")
@click.pass_obj
def indexes(state: State, prune: bool) -> int:
    """Create missing indexes, report conflicts, and with --prune drop unknown ones."""
    return asyncio.run(_ensure_indexes(state, prune))


async def _ensure_indexes(state: State, prune: bool) -> int:
    conflicts = 0
    async with state.application() as app:
        for model in app.context.linked.models:
            changes: Any = await app.context.db.background[model].ensure_indexes(prune=prune)
            for line in changes.lines():
                click.echo(f"{model.identity}: {line}")
            conflicts += len(changes.conflicts)
    return 1 if conflicts else 0
