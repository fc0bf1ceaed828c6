"""The plan of an aggregation: which call waits for which, what each one sends, and what becomes of the results.

In: the options of `generic-aggregate`. Out: a `Plan`, made once when the route is linked, or what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Any, Final, Literal

from core import Params, factory, given, rule
from generic.libs.templates import Render, compile_template, names_in

#: what a request brings into the scope of templates
SOURCES: Final = ("path", "query", "header")
_NAME: Final = "^[A-Za-z_][A-Za-z0-9_-]{0,63}$"
_SEGMENT: Final = re.compile(r"\{[^{}/]+\}")


class Call(Params):
    """One call: `{name.member}` of an earlier one may stand in path, query, headers and body."""

    name: Annotated[str, rule("Name of the result", match=_NAME, deny=list(SOURCES))]
    upstream: Annotated[str, rule("Identity of the upstream")]
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    path: Annotated[str, rule("Path there; `:name` is a variable of the route, a segment may be `{user.id}`")] = ""
    query: dict[str, Any] = factory(dict[str, Any])
    headers: dict[str, Any] = factory(dict[str, Any])
    body: Annotated[Any, rule("JSON to send")] = None
    timeout_s: Annotated[float | None, rule("Instead of the upstream's", min=0.001)] = None
    cache_s: Annotated[float, rule("Keep the reply of a GET that long", min=0)] = 0
    stale_s: Annotated[float, rule("Return it that much longer while the upstream fails", min=0)] = 0
    optional: Annotated[bool, rule("Its failure leaves null instead of failing the whole")] = False
    fallback: Annotated[Any, rule("What stands for the result of a failed call")] = None


@dataclass(frozen=True)
class PlannedCall:
    """A call with compiled templates; `after` are the calls it waits for, `demanded` what has to be in the request."""

    call: Call
    after: tuple[str, ...]
    path: str
    values: Render
    demanded: frozenset[str]
    query: Render
    headers: Render
    body: Render | None
    may_fail: bool


@dataclass(frozen=True)
class Plan:
    """Every call in an order in which it can be started; `sources` are those of `SOURCES` that are read."""

    calls: tuple[PlannedCall, ...]
    sources: frozenset[str]
    result: Render


class Aggregation(Params):
    """Options of `generic-aggregate`."""

    calls: Annotated[list[Call], rule("Calls to make, each as soon as what it refers to is there")]
    result: Annotated[Any, rule("Template of the result; without it an object of the results by name")] = None
    merge: Annotated[bool, rule("One object of the members of all results, later calls win")] = False
    timeout_s: Annotated[float, rule("Deadline of all calls together", min=0.001)] = 5

    @cached_property
    def plan(self) -> Plan:
        """The plan; a `ValueError` says why there is none."""
        names = [call.name for call in self.calls]
        if len(set(names)) < len(names):
            raise ValueError("two calls have the same name")
        known = {*names, *SOURCES}
        order = TopologicalSorter({call.name: _references(call, known) - {*SOURCES} for call in self.calls})
        try:
            sorted_names = list(order.static_order())
        except CycleError as error:
            raise ValueError(f"the calls wait for each other: {' → '.join(error.args[1])}") from None
        by_name = {call.name: call for call in self.calls}
        used = {name for call in self.calls for name in _references(call, known)}
        used |= _check_names(self._template(names), known, "the result")
        calls = tuple(_plan_call(by_name[name], known) for name in sorted_names)
        return Plan(calls, frozenset(used & {*SOURCES}), compile_template(self._template(names)))

    def _template(self, names: Sequence[str]) -> Any:
        return {name: f"{{{name}}}" for name in names} if self.result is None else self.result

    def check_options(self, upstreams: Collection[str]) -> str:
        """What is wrong with the whole, for the linker."""
        for call in self.calls:
            if call.upstream not in upstreams:
                declared = ", ".join(upstreams) or "none"
                return f"call '{call.name}': unknown upstream '{call.upstream}' (declared: {declared})"
        try:
            plan = self.plan
        except ValueError as error:
            return str(error)
        return "" if plan.calls else "there is no call"


def _plan_call(call: Call, known: Collection[str]) -> PlannedCall:
    after = tuple(sorted(_references(call, known) - {*SOURCES}))
    values: dict[str, str] = {}

    def replace(segment: str) -> str:
        if "{" not in segment:
            return segment
        if not _SEGMENT.fullmatch(segment):
            raise ValueError(f"call '{call.name}': a reference is a whole segment of the path, not '{segment}'")
        name = f"value{len(values)}"
        values[name] = segment
        return f":{name}"

    path = "/".join(replace(segment) for segment in call.path.split("/"))
    sent = given(call)
    return PlannedCall(
        call=call,
        after=after,
        path=path,
        values=compile_template(values),
        demanded=frozenset(name for name, text in values.items() if {*names_in(text)} <= {*SOURCES}),
        query=compile_template(call.query),
        headers=compile_template(call.headers),
        body=compile_template(call.body) if "body" in sent else None,
        may_fail=call.optional or "fallback" in sent,
    )


def _references(call: Call, known: Collection[str]) -> set[str]:
    templates = [call.path, call.query, call.headers, call.body]
    return _check_names(templates, known, f"call '{call.name}'")


def _check_names(template: Any, known: Collection[str], where: str) -> set[str]:
    names = set(names_in(template))
    unknown = sorted(names - {*known})
    if unknown:
        raise ValueError(f"{where} refers to '{unknown[0]}', which is no call (known: {', '.join(sorted(known))})")
    return names


def merge_results(results: Mapping[str, Any]) -> dict[str, Any]:
    """One object of the members of all results; what is no object stands under its name."""
    return dict(_members(results))


def _members(results: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in results.items():
        if isinstance(value, Mapping):
            yield from value.items()
        elif value is not None:
            yield name, value
