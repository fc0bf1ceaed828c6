"""What the linker makes and serving runs: frozen, checked, complete. `Linked*` = safe to run.

In: nothing (these are the values themselves). Out: read by `serve/`, `docs/openapi.py`, the service listing
and `server.py routes`. Everything a request needs is here; nothing is looked up by name while serving.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.cron.schedule import Schedule
from core.declare.cron import CronPolicy
from core.declare.route import Body, Cors, Overflow, RateLimit
from core.schema.fields import Field
from core.source import Source

Section = Literal["header", "query", "path", "body"]
SECTIONS: tuple[Section, ...] = ("header", "query", "path", "body")
StepKind = Literal["async", "sync", "around"]


@dataclass(frozen=True, slots=True)
class LinkedSection:
    """One section of one step, checked before the first step runs.

    Attributes:
        section: which part of the request it reads.
        slot: where the checked value is put.
        check: `(raw, errors) -> value`; appends to `errors` what is wrong.
        fields: its fields, for docs, listings and the overflow check; empty for free-form bodies.
        open: whether it admits any field (free-form `dict`, `bytes`, …).
        annotation: the author's type.
        schema_of: how the docs describe it: `object`, `list` (of objects), `free`, `raw`, `text`, `stream`.
    """

    section: Section
    slot: int
    check: Callable[[Any, list[Any]], Any]
    fields: tuple[Field, ...]
    open: bool
    annotation: Any
    schema_of: Literal["object", "list", "free", "raw", "text", "stream"] = "object"


@dataclass(frozen=True, slots=True)
class LinkedStep:
    """One step of a chain.

    Attributes:
        identity, version, function: what it is called in listings: `identity@version.function`.
        source: the author's function.
        kind: `async` coroutine, `sync` (runs in the thread pool) or `around` (async generator).
        call: the author's function.
        arguments: keyword → slot; sections and needs alike.
        options: keyword arguments fixed at link time (`options=`).
        provides_slot: where its value goes, or -1.
        sections: its own sections.
        responses: status → wire codes.
        authorizes: marks routes with this step as protected.
        docs: whether its parameters are documented.
    """

    identity: str
    version: str
    function: str
    source: Source
    kind: StepKind
    call: Callable[..., Any]
    arguments: tuple[tuple[str, int], ...]
    options: Mapping[str, Any]
    provides_slot: int
    provides: type[Any] | None
    provides_optional: bool
    sections: tuple[LinkedSection, ...]
    responses: Mapping[int, tuple[str, ...]]
    authorizes: bool
    docs: bool

    @property
    def label(self) -> str:
        """`identity@version.function`, as listings print it."""
        return f"{self.identity}@{self.version}.{self.function}"


@dataclass(frozen=True, slots=True)
class LinkedErrorStep:
    """One error step: called with the error and what earlier steps provided.

    `arguments` maps keyword → slot; a slot that was not reached yet holds `None`.
    """

    identity: str
    version: str
    function: str
    source: Source
    kind: Literal["async", "sync"]
    call: Callable[..., Any]
    arguments: tuple[tuple[str, int], ...]
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LinkedRoute:
    """One method of one path on one host, ready to run.

    Attributes:
        identity: of the route; `id` in listings.
        method: HTTP method in upper case.
        keyword: mia's keyword.
        url: full pattern with `:name` variables, prefix included, without a trailing slash.
        prefix: the prefix it was mounted under.
        host_ids: hosts it answers on; empty for every host.
        group, version, name: of the routes file; `name` groups the docs.
        steps: before + chain + after + default output where none of them answers.
        output_at: index in `steps` of the first step after the route's own chain (`after`, output).
        error_steps: route's, file's, default.
        slots: how many slots a request needs.
        sections: every section of every step in chain order.
        parameters: merged per section: section → wire name → field; for docs, listings and overflow.
        reads: sections that must be parsed at all.
        responses: status → wire codes, merged over the chain with those of core.
        authorization: whether it is protected.
        modified: ISO date or empty.
        response_schemes: for the docs.
    """

    identity: str
    method: str
    keyword: str
    url: str
    prefix: str
    host_ids: tuple[str, ...]
    group: str
    version: str
    name: str
    description: str
    modified: str
    docs: bool
    authorization: bool
    deprecated: bool
    source: Source
    steps: tuple[LinkedStep, ...]
    output_at: int
    error_steps: tuple[LinkedErrorStep, ...]
    slots: int
    sections: tuple[LinkedSection, ...]
    parameters: Mapping[Section, Mapping[str, Field]]
    open_sections: frozenset[Section]
    reads: frozenset[Section]
    responses: Mapping[int, tuple[str, ...]]
    response_schemes: Mapping[str | int, Any]
    body: Body
    cors: Cors | None
    rate_limits: tuple[RateLimit, ...]
    parameter_overflow: Overflow
    timeout_s: float

    @property
    def label(self) -> str:
        """`METHOD url`, as listings and messages print it."""
        return f"{self.method} {self.url}"


@dataclass(frozen=True, slots=True)
class LinkedJob:
    """One cron, checked and ready to run."""

    identity: str
    schedule: Schedule
    policy: CronPolicy
    call: Callable[..., Any]
    source: Source


@dataclass(frozen=True, slots=True)
class LinkedInit:
    """One start function, in running order. `around`: an async generator whose second half runs at stop."""

    call: Callable[..., Any]
    kind: StepKind
    order: int
    source: Source


@dataclass(frozen=True, slots=True)
class LinkedCommand:
    """One command of a project. `options`: keyword → (type, default or `...`)."""

    name: str
    call: Callable[..., Any]
    options: Mapping[str, tuple[type[Any], Any]]
    description: str
    source: Source


@dataclass(frozen=True, slots=True)
class LinkedFolder:
    """The `public/` folder of a project under one prefix; `host_ids` empty means every host."""

    prefix: str
    folder: str
    host_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Linked:
    """Everything that was linked; what an application is made of."""

    routes: tuple[LinkedRoute, ...]
    jobs: tuple[LinkedJob, ...]
    inits: tuple[LinkedInit, ...]
    commands: tuple[LinkedCommand, ...]
    models: tuple[type[Any], ...]
    libs: Mapping[tuple[str, str], Any]
    project_settings: Mapping[type[Any], Any]
    translations: Mapping[str, Any]
    public_folders: Sequence[LinkedFolder]
