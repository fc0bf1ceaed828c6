"""Everything that runs outside requests: crons, start functions, commands.

In: declarations. Out: `LinkedJob`, `LinkedInit`, `LinkedCommand`; what is wrong is a `BadDeclaration`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from core.cron.schedule import Schedule
from core.declare.cron import All, Cron
from core.declare.function import Command, Init
from core.errors import BadDeclaration
from core.link.checks import is_over
from core.link.linked import LinkedCommand, LinkedInit, LinkedJob
from core.link.signature import describe, keyword_parameters, read_hints, read_kind, split_union
from core.source import Source

#: what `server.py <mode> …` understands itself
OWN_COMMANDS = ("serve", "check", "routes", "openapi", "cron", "indexes", "new")

_COMMAND = re.compile(r"[a-z][\w-]*( [a-z][\w-]*)*")
_OPTION_TYPES = (str, int, float, bool)


def link_job(cron: Cron[..., Any]) -> LinkedJob:
    """A cron, checked.

    Raises:
        BadDeclaration: its function or its policy cannot work.
    """
    label = f"cron '{cron.identity}'"
    _check_function(cron.function, label, "async def f(job: Job)")
    if read_kind(cron.function, label) != "async":
        raise BadDeclaration(cron.source, f"{label} must be an async def")
    if not isinstance(cron.schedule, Schedule):
        raise BadDeclaration(cron.source, f"{label} needs a Schedule, not {cron.schedule!r}")
    policy = cron.policy
    misfire_known = isinstance(policy.misfire, All) or policy.misfire in ("once", "skip")
    wrong = {
        "scope must be 'cluster' or 'server'": policy.scope not in ("cluster", "server"),
        "misfire must be 'once', 'skip' or All(n)": not misfire_known,
        "overlap must be 'skip'": policy.overlap != "skip",
        "max_total and max_per_server cannot be negative": not all(
            is_over(count, -1) for count in (policy.max_total, policy.max_per_server)
        ),
        "max_runtime_s must be over 0": not is_over(policy.max_runtime_s, 0),
        "grace_s and retry cannot be negative": not all(is_over(count, -1) for count in (policy.grace_s, policy.retry)),
    }
    for message, holds in wrong.items():
        if holds:
            raise BadDeclaration(cron.source, f"{label}: {message}")
    return LinkedJob(cron.identity, cron.schedule, policy, cron.function, cron.source)


def link_init(init: Init[..., Any]) -> LinkedInit:
    """A start function, checked.

    Raises:
        BadDeclaration: it is neither `async def` nor an async generator of one parameter.
    """
    label = f"init function '{init.function.__name__}'"
    _check_function(init.function, label, "async def f(app: AppContext)")
    kind = read_kind(init.function, label)
    if kind == "sync":
        raise BadDeclaration(init.source, f"{label} must be an async def, or an async generator")
    return LinkedInit(init.function, kind, init.order, init.source)


def link_command(command: Command[..., Any]) -> LinkedCommand:
    """A command, checked.

    Raises:
        BadDeclaration: its name, its function or one of its options cannot be used.
    """
    label = f"command '{command.identity}'"
    if not _COMMAND.fullmatch(command.identity):
        raise BadDeclaration(command.source, f"{label}: a name is words in small letters", '"secret create"')
    if command.identity.split()[0] in OWN_COMMANDS:
        raise BadDeclaration(command.source, f"{label}: '{command.identity.split()[0]}' is Catena's own")
    parameters = keyword_parameters(command.function, label, "async def f(app: AppContext, *, …)")
    if read_kind(command.function, label) != "async":
        raise BadDeclaration(command.source, f"{label} must be an async def")
    hints = read_hints(command.function, label)
    options = {
        name: (_option_type(name, hints, label, command.source), _default_of(parameter))
        for name, parameter in parameters.items()
    }
    description = inspect.getdoc(command.function) or ""
    return LinkedCommand(command.identity, command.function, MappingProxyType(options), description, command.source)


def _option_type(name: str, hints: Mapping[str, Any], label: str, source: Source) -> type[Any]:
    members, _ = split_union(hints.get(name))
    if len(members) == 1 and members[0] in _OPTION_TYPES:
        found: type[Any] = members[0]
        return found
    has = f"has type {describe(hints[name])}" if name in hints else "has no type"
    raise BadDeclaration(source, f"{label}: option '{name}' {has}", "options are str, int, float or bool")


def _default_of(parameter: inspect.Parameter) -> Any:
    return ... if parameter.default is inspect.Parameter.empty else parameter.default


def _check_function(function: Callable[..., Any], label: str, first: str) -> None:
    """Refuse parameters that nobody would fill."""
    parameters = keyword_parameters(function, label, first)
    unfilled = [name for name, parameter in parameters.items() if _default_of(parameter) is ...]
    read_hints(function, label)
    if unfilled:
        message = f"{label}: nothing fills '{unfilled[0]}'"
        raise BadDeclaration(Source(function.__code__.co_filename, function.__code__.co_firstlineno), message, first)
