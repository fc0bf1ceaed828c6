"""The command line: `python server.py <mode> [command] [options]`.

In: arguments. Out: an exit code; what is wrong is printed one line each, and the code is 1. The mode comes
first and defaults to `local`, the command defaults to `serve`; `--root DIR` may stand anywhere. Commands of
projects stand beside those of `core/commands/`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from core.commands.cron import cron
from core.commands.inspect import check, openapi, routes
from core.commands.run import indexes, serve
from core.commands.scaffold import new
from core.commands.state import State, report
from core.errors import CatenaError, ConfigError
from core.link.linked import LinkedCommand
from core.serve.create import HOME

_OWN: Final = {str(command.name): command for command in (serve, check, routes, openapi, cron, indexes, new)}


class _Commands(click.Group):
    """Core's commands, then those of the projects, which are loaded only when one of them is asked for."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by its first word."""
        if cmd_name not in self.commands:
            self.list_commands(ctx)
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names for `--help`, those of projects included."""
        for command in ctx.obj.assembly.linked.commands:
            _add(self, command)
        return sorted(self.commands)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    root = HOME
    try:
        mode, root, rest = split_arguments(list(sys.argv[1:] if arguments is None else arguments))
        group = _Commands("server.py", commands=dict(_OWN), help="Catena serves project folders.")
        with group.make_context(f"server.py {mode}", rest, obj=State(mode, root)) as context:
            return group.invoke(context) or 0
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as error:
        error.show()
        return 1
    except (CatenaError, ExceptionGroup) as error:
        return report(error, root)


def split_arguments(arguments: list[str]) -> tuple[str, Path, list[str]]:
    """Mode, root, and the rest of the arguments with `serve` where no command is named.

    Raises:
        ConfigError: `--root` names no folder.
    """
    root, rest = HOME, []
    words = iter(arguments)
    for word in words:
        if word == "--root" or word.startswith("--root="):
            root = _read_root(word.partition("=")[2] or next(words, ""))
        else:
            rest.append(word)
    is_named = rest and not rest[0].startswith("-") and rest[0] not in _OWN
    mode = rest.pop(0) if is_named else "local"
    if not rest or (rest[0].startswith("-") and rest[0] != "--help"):
        rest.insert(0, "serve")
    return mode, root, rest


def _read_root(text: str) -> Path:
    root = Path(text).resolve()
    if not text or not root.is_dir():
        raise ConfigError("--root", f"'{text}' is no folder")
    return root


def _add(group: click.Group, linked: LinkedCommand) -> None:
    """Put a project's command into its place: `secret create` becomes `create` in the group `secret`."""
    *parents, name = linked.name.split()
    for parent in parents:
        inner = group.commands.get(parent)
        if not isinstance(inner, click.Group):
            group.add_command(inner := click.Group(parent))
        group = inner
    options: list[click.Parameter] = [
        click.Option(
            [f"--{key.replace('_', '-')}", key],
            type=kind,
            is_flag=kind is bool,
            show_default=True,
            # For click an option with any default, and be it None, is not required.
            **({"required": True} if default is ... else {"default": default}),
        )
        for key, (kind, default) in linked.options.items()
    ]
    group.add_command(click.Command(name, params=options, help=linked.description, callback=_callback(linked)))


def _callback(linked: LinkedCommand) -> Any:
    @click.pass_obj
    def call(state: State, /, **options: Any) -> None:
        async def run() -> None:
            async with state.application() as app:
                await linked.call(app.context, **options)

        asyncio.run(run())

    return call
