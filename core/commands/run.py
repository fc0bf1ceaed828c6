"""Commands that do something: `serve`, `indexes`; `cron` is in a file of its own.

In: a `State`. Out: an exit code; `serve` returns when the server was told to stop.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from core.commands.state import State
from core.data.databases import Databases
from core.data.ladder import climb, pass_on
from core.errors import ConfigError
from core.serve.app import App
from core.serve.create import HOME, build_app
from core.serve.server import serve as run_server
from core.serve.supervisor import WorkerPlace


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
    if not settings.listen:
        raise ConfigError("listen", "needs at least one listener")
    if port is not None:
        first, *others = settings.listen
        settings = replace(settings, listen=(replace(first, port=port), *others))
    settings = replace(settings, workers=workers or settings.workers)
    place = WorkerPlace.read()
    if no_cron or (place is not None and place.index > 0):  # one worker of a server runs them
        settings = replace(settings, cron=replace(settings.cron, enabled=False))
    state.__dict__["settings"] = settings
    assembly = state.assembly
    ground = climb(settings.databases, state.root)
    if place is None:
        pass_on(ground)
    watched = (state.root / "projects", state.root / "config", HOME / "generic")

    def make_app() -> App:
        databases = Databases(ground.databases, settings.default_database, memory=ground.memory)
        return build_app(assembly, databases)

    _raise_limit()
    try:
        return run_server(
            make_app,
            settings,
            state.root,
            stop_s=max([job.policy.grace_s for job in assembly.linked.jobs if settings.cron.enabled], default=0),
            watch=partial(_watch, [folder for folder in watched if folder.is_dir()]) if reload else None,
            place=place,
        )
    finally:
        ground.stop()


def _raise_limit() -> None:
    """Connections are files: let the process have as many as it may."""
    if os.name == "posix":
        import resource  # there is none elsewhere

        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _watch(folders: Sequence[Path], stop: threading.Event) -> Iterable[object]:
    """Something for every time when Python files in one of the folders changed, until it is to stop."""
    from watchfiles import PythonFilter, watch

    return watch(*folders, watch_filter=PythonFilter(), stop_event=stop)


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
