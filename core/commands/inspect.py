"""Commands that only look: `check`, `routes`, `openapi`. Nothing is opened, no database is asked.

In: a `State`. Out: text or JSON on stdout.
"""

from __future__ import annotations

import re
from textwrap import indent

import click
import orjson

from core.commands.state import State
from core.docs.openapi import build_openapi
from core.errors import ConfigError
from core.link.linked import LinkedRoute
from core.link.table import build_table, explain_route, format_table
from core.load.configuration import describe_settings
from core.load.problems import did_you_mean
from core.serve.program import write_program
from core.serve.tls import build_contexts


@click.command()
@click.pass_obj
def check(state: State) -> None:
    """Load and link everything; print problems, or the effective settings with their origins."""
    linked = state.assembly.linked
    build_contexts(state.settings.listen, state.root)
    projects = {cls.identity: vars(values) for cls, values in linked.project_settings.items()}
    rows = describe_settings(state.settings, state.mode, projects)
    name_width = max(len(name) for name, _, _ in rows)
    value_width = min(40, max(len(value) for _, value, _ in rows))
    for name, value, origin in rows:
        click.echo(f"{name.ljust(name_width)}  {value.ljust(value_width)}  {origin}")
    counts = (
        f"{len(linked.routes)} routes, {len(linked.models)} models, {len(linked.jobs)} crons,"
        f" {len(linked.inits)} start functions, {len(linked.commands)} commands"
    )
    click.echo(f"\n{counts}: no problems")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--explain", metavar='"GET /x"', help="Print what a request runs through.")
@click.pass_obj
def routes(state: State, as_json: bool, explain: str | None) -> None:
    """The linked route table: method, url, host, chain, file:line."""
    linked = state.assembly.linked
    if explain is not None:
        for route in _find_routes(linked.routes, explain):
            click.echo(f"{explain_route(route, state.root)}\n\n{indent(write_program(route), '  ')}")
    elif as_json:
        click.echo(_to_json(build_table(linked.routes, state.root)))
    else:
        click.echo(format_table(linked.routes, state.root))


@click.command()
@click.pass_obj
def openapi(state: State) -> None:
    """The OpenAPI document of every documented route."""
    click.echo(_to_json(build_openapi(state.assembly.linked.routes, state.settings)))


def _find_routes(known: tuple[LinkedRoute, ...], wanted: str) -> list[LinkedRoute]:
    """The routes of a method and url pattern, or else of a url that such patterns match, on whichever host."""
    method, _, url = wanted.strip().partition(" ")
    url = url.strip().rstrip("/").lower() or "/"
    routes = [route for route in known if route.method == method.upper()]
    found = [route for route in routes if route.url.lower() == url] or [
        route for route in routes if re.fullmatch(re.sub(r":\w+", "[^/]+", route.url.lower()).replace("*", ".+"), url)
    ]
    if not found:
        hint = did_you_mean(f"{method.upper()} {url}", [route.label for route in known])
        raise ConfigError(
            "--explain", f"there is no route '{wanted}' ({hint or 'routes lists them as METHOD and url'})"
        )
    return found


def _to_json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
