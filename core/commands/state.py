"""What every command works on: the mode, the root, and what is loaded from them when it is needed.

In: the arguments that stand before the command. Out: settings, an `Assembly`, an application over open
databases; and problems as lines for people.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import click

from core.data.databases import Databases
from core.data.ladder import climb
from core.errors import CatenaError, LoadError
from core.load.configuration import load_settings
from core.log import configure_logging
from core.serve.app import App
from core.serve.create import Assembly, application_folders, assemble, build_app
from core.settings import ServerSettings


@dataclass
class State:
    """The mode and the root folder of a command."""

    mode: str
    root: Path

    @cached_property
    def settings(self) -> ServerSettings:
        """The settings of the mode; logging follows them from here on."""
        settings = load_settings(self.mode, self.root)
        configure_logging(settings.log, self.mode)
        return settings

    @cached_property
    def assembly(self) -> Assembly:
        """Everything loaded and linked.

        Raises:
            ExceptionGroup: every `LoadError` of every file.
        """
        return assemble(self.mode, self.root, self.settings, application_folders(self.root))

    @asynccontextmanager
    async def application(self) -> AsyncIterator[App]:
        """An application over open databases, without server and start functions; stdout is left to the command."""
        configure_logging(self.settings.log, self.mode, "stderr")
        ground = climb(self.settings.databases, self.root)
        databases = Databases(ground.databases, self.settings.default_database, memory=ground.memory)
        app = build_app(self.assembly, databases)
        try:
            await databases.open()
            yield app
        finally:
            await app.stop()
            ground.stop()


def report(error: BaseException, root: Path) -> int:
    """Print what is wrong to stderr, one line each, files relative to the root; returns the exit code 1."""
    problems = sorted(_leaves(error), key=_order)
    for problem in problems:
        line = str(problem)
        if isinstance(problem, LoadError):
            line = str(LoadError(problem.source.relative_to(root), problem.message, problem.hint))
        click.echo(line, err=True)
    if len(problems) > 1:
        click.echo(f"{len(problems)} problems", err=True)
    return 1


def _leaves(error: BaseException) -> Iterator[CatenaError]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    elif isinstance(error, CatenaError):
        yield error
    else:
        raise error


def _order(error: CatenaError) -> tuple[str, int, str]:
    if isinstance(error, LoadError):
        return error.source.file, error.source.line, error.message
    return "", 0, str(error)
