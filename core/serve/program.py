"""The chain of a route as one function: its text is written when the application is built, and compiled once.

In: a `LinkedRoute`. Out: its `run`, which reads what its steps ask for, checks it and calls step after step: what the
route decides, no request decides again. The text, which `routes --explain` prints, is made of numbers and of keywords
of authors' functions, never of anything that a request says. Next: `chain.py`.
"""

from __future__ import annotations

import asyncio
import linecache
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import lru_cache, partial
from types import CodeType
from typing import Any, Final, NoReturn

from core.errors import ErrorItem, PreconditionFailed, WireCode
from core.link.linked import Linked, LinkedRoute, LinkedStep, Section, StepKind
from core.schema.fields import Field
from core.serve.body import read_body_value
from core.serve.context import Context
from core.serve.output import json_response
from core.serve.response import Finish, Response
from core.serve.values import parse_query
from core.settings import Limits

_log = logging.getLogger("catena.chain")
#: what a chain, or a step of it, runs inside of; asked once, when the application is built
Watch = Callable[[LinkedRoute, LinkedStep | None], Callable[[], AbstractContextManager[Any]] | None]
#: what each section is read from, in this order
_SOURCES: Final = {
    "path": "request.path_values",
    "header": "request.headers",
    "query": "parse_query(request.query_string, limits)",
    "body": "await read_body(request)",
}


def compile_routes(linked: Linked, limits: Limits, watches: Sequence[Watch] = ()) -> Linked:
    """The same, its routes with the functions that answer them; chains and steps run inside of what `watches` give."""
    routes = (replace(route, run=_compile_route(route, limits, watches)) for route in linked.routes)
    return replace(linked, routes=tuple(routes))


def write_program(route: LinkedRoute) -> str:
    """The text of a route's function. `step1` is its first step, `v0` the value in slot 0.

    It takes the context and two collections that outlive its failure: `kept`, slot → what error steps may ask for,
    and `arounds`, the around steps under way. What `break` skips when the chain finishes early is the output.
    """
    kept = {slot for step in route.error_steps for _, slot in step.arguments}
    steps = [_write_step(step, number, kept) for number, step in enumerate(route.steps, 1)]
    chain, output = steps[: route.output_at], steps[route.output_at :]
    lines = list(_write_sections(route))
    if chain:
        lines += ["while True:", *(f"    {line}" for step in chain for line in step), "    break"]
    lines += [line for step in output for line in step if line.strip() != "break"]
    return "\n    ".join(["async def run(ctx, kept, arounds):", *lines, "return json_response(ctx)"]) + "\n"


def _write_sections(route: LinkedRoute) -> Iterator[str]:
    """Fill the slots of all steps before the first one runs (mia's order); what steps provide is `None` until then."""
    asked = {slot for step in route.steps for _, slot in step.arguments}
    yield from (f"v{slot} = None" for slot in sorted(asked - {section.slot for section in route.sections}))
    if route.rate_limits:
        yield "ctx.limit_headers = await ctx.app.limits.admit(ctx.route.rate_limits, ctx.request.client_ip)"
    if route.reads:
        yield "request = ctx.request"
        yield from (f"{name} = {source}" for name, source in _SOURCES.items() if name in route.reads)
    if route.sections:
        yield "errors = []"
        yield from (f"v{part.slot} = check{part.slot}({part.section}, errors)" for part in route.sections)
        yield from ("if errors:", "    refuse(errors)")
    if route.parameter_overflow != "ignore":
        read = [f"{name!r}: {name}" for name in ("query", "body") if name in route.reads]
        yield f"check_overflow(ctx, {{{', '.join(read)}}})"


def _write_step(step: LinkedStep, number: int, kept: set[int]) -> Iterator[str]:
    """Call a step and look at its value."""
    arguments = ["ctx", *(f"{name}=v{slot}" for name, slot in step.arguments)]
    call = ", ".join([*arguments, *(f"{name}={name}{number}" for name in step.options)])
    if step.kind == "async":
        yield f"value = await step{number}({call})"
    elif step.kind == "sync":
        yield f"value = await to_thread(step{number}, {call})"
    else:
        yield from (f"around = step{number}({call})", "value = await anext(around)", "arounds.append(around)")
    yield from ("if isinstance(value, Response):", "    return value")
    yield from ("if isinstance(value, Finish):", "    ctx.result = value.value", "    break", "elif value is not None:")
    slot = step.provides_slot
    yield "    ctx.result = value" if slot < 0 else f"    v{slot} = {f'kept[{slot}] = ' if slot in kept else ''}value"


def _watch(watches: Sequence[Watch], route: LinkedRoute, step: LinkedStep | None, call: Any) -> Any:
    """The same function, observed; an around step is not: all that follows happens in it."""
    for inside in filter(None, (watch(route, step) for watch in watches)):
        call = _run_inside(inside, call, step.kind if step is not None else "async")
    return call


def _run_inside(inside: Callable[[], AbstractContextManager[Any]], call: Any, kind: StepKind) -> Any:
    async def run(*args: Any, **named: Any) -> Any:
        with inside():
            return await call(*args, **named)

    def run_sync(*args: Any, **named: Any) -> Any:
        with inside():
            return call(*args, **named)

    return call if kind == "around" else run if kind == "async" else run_sync


def _compile_route(route: LinkedRoute, limits: Limits, watches: Sequence[Watch]) -> Any:
    how: Any = {"kind": route.body.type, "limit_bytes": route.body.limit_bytes, "declared": route.text_limits}
    names = {**_NAMES, "limits": limits, "read_body": partial(read_body_value, limits=limits, **how)}
    names |= {f"check{section.slot}": section.check for section in route.sections}
    for number, step in enumerate(route.steps, 1):
        names[f"step{number}"] = _watch(watches, route, step, step.call)
        names |= {f"{name}{number}": value for name, value in step.options.items()}
    exec(_compile_text(write_program(route)), names)  # noqa: S102  see above
    return _watch(watches, route, None, names["run"])


@lru_cache(maxsize=1024)
def _compile_text(text: str) -> CodeType:
    """Compiled once for all routes that have it in common; tracebacks show its lines."""
    file = f"<chain {len(linecache.cache)}>"
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    return compile(text, file, "exec")


def _refuse(errors: list[ErrorItem]) -> NoReturn:
    """Answer every broken rule of every step, each once: two steps may demand the same field."""
    first: dict[Any, ErrorItem] = {}
    for item in errors:
        first.setdefault((item.code, item.id, item.in_), item)
    raise PreconditionFailed(list(first.values()))


def _check_overflow(ctx: Context, read: Mapping[Section, Any]) -> None:
    """Log or refuse fields, at any depth, of the sections that were read and that no step declares.

    Source: mia.js `parameterOverflow`, which compares the top level only; sections are merged over all steps.
    """
    route, errors = ctx.route, list[ErrorItem]()
    for name, value in read.items():
        fields = [field for section in route.sections if section.section == name for field in section.fields]
        unknown = [] if name in route.open_sections else sorted(_find_unknown([value], fields))
        if unknown:
            text = f"Additional parameters are not allowed: {', '.join(unknown)}"
            errors.append(ErrorItem(WireCode.ADDITIONAL_PARAMS_NOT_ALLOWED, text, None, name))
    if errors and route.parameter_overflow == "block":
        raise PreconditionFailed(errors)
    for item in errors:
        extra = {"action": "request.overflow", "request_id": ctx.request.id, "route": route.label}
        _log.warning("%s in %s", item.msg, item.in_, extra=extra)


def _find_unknown(values: list[Any], fields: Sequence[Field], path: str = "") -> Iterator[str]:
    """Paths of names, each once, that no field declares; what one declares as free-form is not looked into."""
    inner: dict[str, list[Any]] = {}
    while values:
        value = values.pop()
        if isinstance(value, list):
            values += value
        elif isinstance(value, Mapping):
            for name, below in value.items():
                inner.setdefault(name, []).append(below)
    for name, below in inner.items():
        declared = [field for field in fields if field.wire == name]
        if not declared:
            yield path + name
        elif all(field.type.innermost.params and not field.rule.extend for field in declared):
            merged = [part for field in declared for part in field.type.innermost.fields]
            yield from _find_unknown(below, merged, f"{path}{name}.")


_NAMES: Final[Mapping[str, Any]] = {
    "Finish": Finish, "Response": Response, "check_overflow": _check_overflow, "json_response": json_response,
    "parse_query": parse_query, "refuse": _refuse, "to_thread": asyncio.to_thread,
}  # fmt: skip
