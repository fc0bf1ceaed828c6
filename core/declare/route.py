"""Routes files: which chain answers which method of which path.

In: literals in a project's `routes/`. Out: frozen `Routes`, resolved by `link/routes.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime
from typing import Any, Literal

from core.declare.controller import Action, Use
from core.settings import RateLimit
from core.source import Source, caller_source

ChainEntry = Action[..., Any] | Use
Overflow = Literal["ignore", "log", "block"]
BodyType = Literal["json", "urlencoded", "text", "raw", "multipart", "stream", "none"]

#: keyword → (HTTP method, what is appended to the path), in the order of `Path`; `all` mounts what is not named
METHODS: Mapping[str, tuple[str, str]] = {
    "list": ("GET", ""),
    "index": ("GET", "/:id"),
    "get": ("GET", ""),
    "create": ("POST", ""),
    "post": ("POST", ""),
    "update": ("PUT", "/:id"),
    "put": ("PUT", ""),
    "patch": ("PATCH", ""),
    "delete": ("DELETE", "/:id"),
    "del": ("DELETE", ""),
    "all": ("", ""),
}


def _declared_here() -> Source:
    """The line that calls the constructor of a dataclass."""
    return caller_source(2)


@dataclass(frozen=True, slots=True)
class Cors:
    """Which foreign origins may call, and how; exact origins, `https://*.example.com` patterns, or `*`.

    `credentials` (cookies, authorization) never go with `*`; `expose` names response headers a client may read;
    a preflight answer may be kept for `max_age_s`.
    """

    origins: Sequence[str] = ("*",)
    credentials: bool = False
    headers: Sequence[str] = ("content-type",)
    expose: Sequence[str] = ()
    max_age_s: int = 600


@dataclass(frozen=True, slots=True)
class Body:
    """How the body is read: by which parser (`none`: not at all, `stream`: as it is), up to how many bytes."""

    type: BodyType = "json"
    limit_bytes: int = 512 * 1024


class Stream:
    """A body that is read while it arrives, once: `async for chunk in body`."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks


@dataclass(frozen=True, eq=False)
class Route:
    """One method of a path: an identity and the chain that answers.

    Attributes:
        identity: unique per host and prefix; shown in listings as `id`.
        chain: imported actions or `use(...)` entries, run in order.
        errors: error steps, tried in order before those of the file and the default.
        modified: last change of the interface, for listings.
        docs: whether it is listed in the API documentation.
        environment: modes in which it exists; empty means every mode.
        authorization: marks the route as protected in listings; `None` asks the chain.
        deprecated: announces the end in envelope, docs and listings.
        rate_limit: an own limit beside those of server and file.
        parameter_overflow: what unknown query and body fields lead to.
        response_schemes: status → JSON Schema of the answer, for the docs.
        priority: `low` is refused first under overload, `high` never; by default protected routes go before open ones.
        body, deprecated, cors, parameter_overflow, timeout_s: `None` takes the file's, then the server's.
    """

    identity: str
    _: KW_ONLY
    chain: Sequence[ChainEntry]
    errors: Sequence[ChainEntry] = ()
    description: str = ""
    modified: datetime | str | None = None
    docs: bool = True
    environment: str | Sequence[str] = ()
    body: Body | None = None
    authorization: bool | None = None
    deprecated: bool | None = None
    cors: Cors | None = None
    rate_limit: RateLimit | None = None
    parameter_overflow: Overflow | None = None
    response_schemes: Mapping[str | int, Any] | None = None
    timeout_s: float | None = None
    priority: Literal["low", "normal", "high"] | None = None
    source: Source = field(default_factory=_declared_here, repr=False)


@dataclass(frozen=True, eq=False)
class Path:
    """A path and the routes mounted on its methods: `Path("./todo", list=Route(…), create=Route(…))`.

    `./x` is relative to every prefix of the file, `/x` is absolute. `index`, `update` and `delete`
    append `/:id`. `del_` is `del`; `all` mounts every method that is not named.
    """

    url: str
    _: KW_ONLY
    list: Route | None = None
    index: Route | None = None
    get: Route | None = None
    create: Route | None = None
    post: Route | None = None
    update: Route | None = None
    put: Route | None = None
    patch: Route | None = None
    delete: Route | None = None
    del_: Route | None = None
    all: Route | None = None
    source: Source = field(default_factory=_declared_here, repr=False)

    @property
    def routes(self) -> dict[str, Route]:
        """Keyword → route, of those that are given."""
        found: dict[str, Route | None] = {
            keyword: getattr(self, "del_" if keyword == "del" else keyword) for keyword in METHODS
        }
        return {keyword: route for keyword, route in found.items() if route is not None}


@dataclass(frozen=True, eq=False)
class Routes:
    """A routes file: a rights `group`, and where its paths are mounted.

    Attributes:
        version, name: for listings and docs; the name defaults to the first prefix.
        prefix: where relative paths are mounted; several are possible.
        host_id, environment: hosts it answers on, modes it exists in; empty means every one.
        before, after: chain entries around the chain of every route.
        errors: error steps after those of a route.
        cors, rate_limit, deprecated, parameter_overflow, body, timeout_s: defaults for the routes.
    """

    group: str
    version: str = "1.0"
    name: str = ""
    prefix: str | Sequence[str] = "/"
    host_id: str | Sequence[str] = ()
    environment: str | Sequence[str] = ()
    before: Sequence[ChainEntry] = ()
    after: Sequence[ChainEntry] = ()
    errors: Sequence[ChainEntry] = ()
    paths: Sequence[Path] = ()
    cors: Cors | None = None
    rate_limit: RateLimit | None = None
    deprecated: bool = False
    parameter_overflow: Overflow = "ignore"
    body: Body | None = None
    timeout_s: float | None = None
    source: Source = field(default_factory=_declared_here, repr=False)

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The prefixes without a trailing slash; the root is the empty text."""
        return tuple(prefix.rstrip("/") for prefix in names(self.prefix)) or ("",)

    @property
    def host_ids(self) -> tuple[str, ...]:
        """The host ids; empty means every host."""
        return names(self.host_id)


def names(value: str | Sequence[str]) -> tuple[str, ...]:
    """One text or several, as several; the empty text is none."""
    return (value,) if isinstance(value, str) and value else tuple(value)
