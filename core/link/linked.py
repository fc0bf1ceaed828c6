"""What the linker makes and serving runs: frozen, checked, complete. `Linked*` = safe to run.

In: nothing (these are the values themselves). Out: read by `serve/`, `docs/openapi.py`, the service listing
and `server.py routes`. Everything a request needs is here; nothing is looked up by name while serving.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from core.cron.schedule import Schedule
from core.declare.controller import Action
from core.declare.cron import CronPolicy
from core.declare.route import Body, Cors, Overflow
from core.declare.upstream import Upstream
from core.schema.fields import Field
from core.settings import RateLimit
from core.source import Source

Section = Literal["header", "query", "path", "body"]
SECTIONS: tuple[Section, ...] = ("header", "query", "path", "body")
StepKind = Literal["async", "sync", "around"]
Shape = Literal["object", "list", "free", "raw", "text", "stream", "files"]
OPEN_SHAPES: tuple[Shape, ...] = ("free", "raw", "text", "stream")


@dataclass(frozen=True, slots=True)
class LinkedSection:
    """One section of one step, checked before the first step runs.

    Attributes:
        slot: where the checked value is put.
        check: `(raw, errors) -> value`; appends to `errors` what is wrong.
        fields: for docs, listings and the overflow check; empty for free-form bodies.
        shape: of a body; some admit any field.
    """

    section: Section
    slot: int
    check: Callable[[Any, list[Any]], Any]
    fields: tuple[Field, ...]
    annotation: Any
    shape: Shape = "object"


@dataclass(frozen=True, slots=True)
class LinkedStep:
    """One step of a chain, or one error step: that is called with the error, too.

    Attributes:
        kind: `async` coroutine, `sync` (runs in the thread pool) or `around` (async generator).
        call: the author's function.
        arguments: keyword → slot, sections and needs alike; what was not provided (yet) is `None`.
        options: keyword arguments fixed at link time (`options=`).
        provides_slot: where its value goes, or -1.
    """

    action: Action[..., Any]
    kind: StepKind
    call: Callable[..., Any]
    arguments: tuple[tuple[str, int], ...]
    options: Mapping[str, Any]
    sections: tuple[LinkedSection, ...]
    provides_slot: int


@dataclass(frozen=True, slots=True)
class LinkedLimit:
    """A rate limit and what it is counted for: the server, a routes file, a route; aliases of a url share one."""

    name: Literal["server", "file", "route"]
    scope: str
    limit: RateLimit


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedRoute:
    """One method of one path, ready to run.

    Attributes:
        identity, keyword, modified: `id` in listings; mia's keyword; ISO date or empty.
        url: full pattern with `:name` variables, prefix included, without a trailing slash.
        host_ids: empty for every host.
        group, version, name: of the routes file; `name` groups the docs.
        authorization: whether it is protected.
        steps: before + chain + after + default output; `output_at` is the index of the first one after the chain.
        error_steps: route's, file's, default.
        sections: every section of every step in chain order.
        parameters: merged: section → wire name → field; for docs, listings and overflow.
        reads: sections that must be parsed at all; a body also where the route itself says how, for `request.raw`.
        text_limits: wire names of texts in a body whose `max_length` lifts the server's limit of a text → their bytes.
        responses: status → wire codes, merged over the chain with those of core.
        finish: adds the headers of CORS and deprecation to every answer; `run`: the chain, see `serve/program.py`.
    """

    identity: str
    method: str = ""
    keyword: str
    url: str = ""
    prefix: str = ""
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
    error_steps: tuple[LinkedStep, ...]
    sections: tuple[LinkedSection, ...]
    parameters: Mapping[Section, Mapping[str, Field]]
    open_sections: frozenset[Section]
    reads: frozenset[Section]
    text_limits: Mapping[str, int]
    responses: Mapping[int, tuple[str, ...]]
    response_schemes: Mapping[str | int, Any]
    body: Body
    cors: Cors | None
    rate_limits: tuple[LinkedLimit, ...]
    parameter_overflow: Overflow
    timeout_s: float
    finish: Callable[[Any, Any], None] | None
    priority: Literal["low", "normal", "high"] | None
    run: Any = field(default=None, compare=False, repr=False)

    @property
    def label(self) -> str:
        """`METHOD url`, as listings and messages print it."""
        return f"{self.method} {self.url}"


@dataclass(frozen=True, slots=True)
class LinkedJob:
    """One cron."""

    identity: str
    schedule: Schedule
    policy: CronPolicy
    call: Callable[..., Any]
    source: Source


@dataclass(frozen=True, slots=True)
class LinkedInit:
    """One start function. `around`: an async generator whose second half runs at stop."""

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
    """Everything that was linked; what an application is made of. Start functions are in running order."""

    routes: tuple[LinkedRoute, ...]
    jobs: tuple[LinkedJob, ...]
    inits: tuple[LinkedInit, ...]
    commands: tuple[LinkedCommand, ...]
    models: tuple[type[Any], ...]
    project_settings: Mapping[type[Any], Any]
    translations: Mapping[str, Any]
    public_folders: Sequence[LinkedFolder]
    upstreams: Sequence[Upstream] = ()
