"""Everything that runs outside requests: crons, start functions, commands.

In: declarations. Out: `LinkedJob`, `LinkedInit`, `LinkedCommand`; what is wrong is a `BadDeclaration`.
"""

from __future__ import annotations

import inspect
import re
from types import MappingProxyType
from typing import Any

from core.cron.schedule import Schedule
from core.declare.cron import Cron
from core.declare.function import Command, Declared, Init
from core.declare.upstream import Upstream
from core.errors import BadDeclaration
from core.http.egress import Guard
from core.link.linked import LinkedCommand, LinkedInit, LinkedJob
from core.link.signature import Reading, read_function, split_union
from core.load.convert import check_values, print_type
from core.load.problems import Problems

#: what `server.py <mode> …` understands itself
OWN_COMMANDS = ("serve", "check", "routes", "openapi", "cron", "indexes", "new")

_COMMAND = re.compile(r"[a-z][\w-]*( [a-z][\w-]*)*")


def link_job(cron: Cron[..., Any], problems: Problems) -> LinkedJob:
    """A cron, checked."""
    label = f"cron '{cron.identity}'"
    _read(cron, label, "async def f(job: Job)", ("async",))
    if not isinstance(cron.schedule, Schedule):
        raise BadDeclaration(cron.source, f"{label} needs a Schedule, not {cron.schedule!r}")
    check_values(cron.policy, cron.source, problems, f"{label}: ")
    return LinkedJob(cron.identity, cron.schedule, cron.policy, cron.function, cron.source)


def link_upstream(declared: Upstream, problems: Problems) -> Upstream:
    """An upstream, checked, with every `env(…)` resolved."""
    upstream = check_values(declared, declared.source, problems, f"upstream '{declared.identity}': ") or declared
    try:
        Guard(upstream)
    except ValueError as error:
        raise BadDeclaration(declared.source, f"upstream '{declared.identity}': {error}") from None
    return upstream


def link_init(init: Init[..., Any]) -> LinkedInit:
    """A start function, checked."""
    label = f"init function '{init.function.__name__}'"
    if type(init.order) is not int:
        raise BadDeclaration(init.source, f"{label}: order must be a whole number, not {init.order!r}")
    reading = _read(init, label, "async def f(app: AppContext)", ("async", "around"))
    return LinkedInit(init.function, reading.kind, init.order, init.source)


def link_command(command: Command[..., Any]) -> LinkedCommand:
    """A command, checked."""
    label, source = f"command '{command.identity}'", command.source
    if not _COMMAND.fullmatch(command.identity):
        raise BadDeclaration(source, f"{label}: a name is words in small letters", '"secret create"')
    if command.identity.split()[0] in OWN_COMMANDS:
        raise BadDeclaration(source, f"{label}: '{command.identity.split()[0]}' is Catena's own")
    reading = _read(command, label, "async def f(app: AppContext, *, …)", ("async",))
    options = {}
    for name, parameter in reading.parameters.items():
        types, _ = split_union(reading.hints.get(name))
        if types not in ((str,), (int,), (float,), (bool,)):
            has = f"has type {print_type(reading.hints[name])}" if name in reading.hints else "has no type"
            raise BadDeclaration(source, f"{label}: option '{name}' {has}", "options are str, int, float or bool")
        options[name] = (types[0], ... if reading.demands(name) else parameter.default)
    description = inspect.getdoc(command.function) or ""
    return LinkedCommand(command.identity, command.function, MappingProxyType(options), description, source)


def _read(declared: Declared[..., Any], label: str, shape: str, kinds: tuple[str, ...]) -> Reading:
    """What the function takes; only commands have parameters that something fills."""
    reading = read_function(declared.function, label, shape)
    unfilled = [] if isinstance(declared, Command) else [name for name in reading.parameters if reading.demands(name)]
    if unfilled:
        raise BadDeclaration(declared.source, f"{label}: nothing fills '{unfilled[0]}'", shape)
    if reading.kind not in kinds:
        other = "" if len(kinds) == 1 else ", or an async generator"
        raise BadDeclaration(declared.source, f"{label} must be an async def{other}")
    return reading
