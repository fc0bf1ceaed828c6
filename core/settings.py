"""What a mode configures: typed, frozen values for `config/<mode>.py`.

In: literals in `config/`. Out: `ServerSettings`, resolved and checked by `load/configuration.py` before
anything opens. Every field names its unit; `env(...)` may stand wherever a value is expected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from ipaddress import ip_network
from typing import Any, Final, Literal

KIB: Final = 1024
MIB: Final = 1024 * KIB


class Secret:
    """A text that is masked wherever it is printed; `reveal()` gives it away."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


@dataclass(frozen=True, slots=True)
class Env:
    """A value that comes from an environment variable when the settings are loaded."""

    name: str
    default: Any
    required: bool


_REQUIRED: Final = object()


def env(name: str, default: Any = _REQUIRED) -> Any:
    """Where a value may come from: the variable, else `default`, else a `ConfigError` naming both.

    The text of the variable is converted to the type of the setting.
    """
    return Env(name, None if default is _REQUIRED else default, default is _REQUIRED)


class Local:
    """The local-MongoDB ladder: a configured URL, else a `mongod` found here, else the stand-in."""

    def __repr__(self) -> str:
        return "LOCAL"


LOCAL: Final = Local()


@dataclass(frozen=True, slots=True)
class Http:
    """A plain HTTP listener.

    Attributes:
        port, host: where it listens; port 0 takes a free one.
        name: what `Host(listeners=…)` refers to; several listeners may share it.
        redirect: sends everything except `/health/*` to https.
        redirect_port: of https; by default that of the first `Https` listener.
        redirect_host: where all are sent; by default to the name they asked for, if `hosts` knows it.
        redirect_fallback_host: where those are sent that asked for no known name; by default they get 421.
    """

    port: int = 3000
    host: str = "0.0.0.0"  # noqa: S104  a gateway listens to the network
    name: str = "http"
    redirect: bool = False
    redirect_port: int | None = None
    redirect_host: str = ""
    redirect_fallback_host: str = ""


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM files, relative to the root: a certificate with its chain, and its key. It serves the names it holds."""

    cert_file: str
    key_file: str
    password: str | Secret = ""


@dataclass(frozen=True, slots=True)
class Https:
    """A TLS listener (1.2 and up); the first certificate serves clients that name no host, or an unknown one.

    `hsts_s`: how long browsers are told to use https only; 0 tells them nothing.
    """

    certificates: Sequence[Certificate]
    port: int = 3443
    host: str = "0.0.0.0"  # noqa: S104
    name: str = "https"
    hsts_s: int = 31_536_000


@dataclass(frozen=True, slots=True)
class Host:
    """A virtual host: an id that routes files name, and the names it answers to.

    Attributes:
        id: what `Routes(host_id=…)` refers to.
        names: host names without port; `*.example.com` matches one label or more, `*` every name.
        listeners: names of the listeners it answers on; empty means all.
    """

    id: str
    names: Sequence[str]
    listeners: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Mongo:
    """A database.

    Attributes:
        url: MongoDB connection string, or `LOCAL`.
        name: database name; taken from the URL, else from the key in `databases`.
        pool_size: connections per worker and client.
        selection_timeout_s: how long a request waits for a reachable server.
        pool_wait_s: how long a request waits for a free connection, at most.
        operation_timeout_s: upper bound of one operation (`maxTimeMS`, `wtimeout`); callers wait 0.5 s more at most.
        coalesce: whether point reads and inserts of one moment are sent together.
    """

    url: str | Secret | Local = LOCAL
    name: str = ""
    pool_size: int = 50
    selection_timeout_s: float = 4
    pool_wait_s: float = 0.5
    operation_timeout_s: float = 5
    coalesce: bool = True


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of every request. Exceeding one is answered 400, 413, 414 or 431, before buffering.

    `connections` are per worker; those of trusted proxies do not count for `connections_per_address`.
    """

    header_count: int = 100
    header_bytes: int = 16 * KIB
    target_bytes: int = 8 * KIB
    query_params: int = 256
    json_depth: int = 32
    json_keys: int = 10_000
    json_items: int = 10_000
    text_bytes: int = 64 * KIB
    body_bytes: int = 512 * KIB
    connections: int = 5_000
    connections_per_address: int = 1_000


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `requests` in any `per_s` seconds and client."""

    requests: int
    per_s: float


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Times in seconds.

    Attributes:
        request_s: deadline of a request; routes files and routes may set their own.
        drain_s: for running requests at stop.
        keep_alive_s: for an idle connection.
        header_s: from connecting, or the first byte of a request, to the end of its header.
        write_s: for a client that reads nothing of its answer.
    """

    request_s: float = 15
    drain_s: float = 15
    keep_alive_s: float = 10
    header_s: float = 5
    write_s: float = 30


@dataclass(frozen=True, slots=True)
class Overload:
    """When requests are refused with 503 before their chain starts, per worker.

    Attributes:
        max_lag_ms: delay of the event loop above which fewer requests are admitted at a time. Source: mia.js `maxLag`.
        max_requests: never more than this at a time.
    """

    max_lag_ms: int = 30
    max_requests: int = 256


@dataclass(frozen=True, slots=True)
class Cache:
    """Where `ctx.cache` keeps its records.

    Attributes:
        servers: memcached servers, `host:port`; empty keeps records in the memory of each worker.
        prefix: begins every key; applications that share servers need different ones.
        memory_bytes: what records may take in memory, per worker.
    """

    servers: Sequence[str] = ()
    prefix: str = "catena"
    memory_bytes: int = 32 * MIB


@dataclass(frozen=True, slots=True)
class CronSettings:
    """Whether jobs run in this mode, and on which host names (empty: everywhere).

    A server that was silent for `dead_after_s` loses its runs to others.
    """

    enabled: bool = True
    allowed_hosts: Sequence[str] = ()
    dead_after_s: float = 15


@dataclass(frozen=True, slots=True)
class Docs:
    """The API documentation under `/docs` and `/api-docs`; `enabled` `None`: on, but not in production."""

    enabled: bool | None = None
    title: str = "API"
    description: str = ""
    version: str = "1.0"


@dataclass(frozen=True, slots=True)
class Culture:
    """Language and region used where a request names none."""

    language: str = "en"
    region: str = "gb"


@dataclass(frozen=True, slots=True)
class Log:
    """How much is logged, and as what: one JSON object a line, or text for people.

    `access` adds a line for every request, whatever the level.
    """

    level: Literal["fatal", "error", "warn", "info", "debug", "trace", "none"] = "info"
    format: Literal["json", "text"] = "json"
    access: bool = False


@dataclass(frozen=True, slots=True)
class Metrics:
    """Figures for Prometheus under `/metrics`, on a listener of their own; worker n listens on `port` + n.

    `steps` times each step of chains, too, which costs each of them some microseconds.
    """

    port: int = 9464
    host: str = "127.0.0.1"
    steps: bool = False


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Everything a mode decides.

    Attributes:
        listen: the sockets to open.
        workers: processes that serve.
        hosts: virtual hosts; empty answers on every name.
        public_url: base of links in mails and listings; empty takes the request's.
        trusted_proxies: addresses and networks whose `Forwarded` and `X-Forwarded-*` headers are believed.
        databases: by the name models use; the first or `default_database` serves models that name none.
        default_database: name in `databases`; empty takes the first.
        rate_limit: of a client over all routes; files and routes may add own ones.
        limits, timeouts, overload, cache, cron, docs, culture, log: see there; overload `None` refuses nothing.
        default_output: controller linked after every chain, `(identity, version)`.
        default_errors: error controller linked after those of route and file.
        metrics: where figures are shown; `None` counts none. Needs the extra `metrics`.
        tracing: whether requests, steps and calls of upstreams are spans of OpenTelemetry. Needs the extra `metrics`.
        debug: whether answers show the inside to requests with the header `debug: true`; refused in production.
        projects: settings of projects by identity: `{"demo-config": {"title": "…"}}`.
        origins: where each value comes from, by dotted name; filled in when the settings are loaded.
    """

    listen: Sequence[Http | Https] = (Http(),)
    workers: int = 1
    hosts: Sequence[Host] = ()
    public_url: str = ""
    trusted_proxies: Sequence[str] = ()
    databases: Mapping[str, Mongo] = field(default_factory=dict)
    default_database: str = ""
    limits: Limits = field(default_factory=Limits)
    timeouts: Timeouts = field(default_factory=Timeouts)
    overload: Overload | None = field(default_factory=Overload)
    rate_limit: RateLimit | None = None
    cache: Cache = field(default_factory=Cache)
    cron: CronSettings = field(default_factory=CronSettings)
    default_output: tuple[str, str] | None = ("generic-defaultJSONResponse", "1.0")
    default_errors: tuple[str, str] | None = None
    docs: Docs = field(default_factory=Docs)
    culture: Culture = field(default_factory=Culture)
    log: Log = field(default_factory=Log)
    metrics: Metrics | None = None
    tracing: bool = False
    debug: bool = False
    projects: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)


def is_production(mode: str) -> bool:
    """Whether a mode is meant for strangers: `production`, `prod-eu`."""
    return mode.lower().startswith("prod")


def check_edge(settings: ServerSettings) -> Iterator[tuple[str, str]]:
    """What is wrong between listeners, hosts and proxies, and which extra is missing: name and message."""
    if settings.metrics is not None and find_spec("prometheus_client") is None:
        yield "metrics", "needs the package prometheus-client, from the extra 'metrics'"
    if settings.tracing and find_spec("opentelemetry") is None:
        yield "tracing", "needs the package opentelemetry-api, from the extra 'metrics'"
    known = {listener.name for listener in settings.listen}
    secure = any(isinstance(listener, Https) for listener in settings.listen)
    for index, host in enumerate(settings.hosts):
        if not host.id or host.id in [other.id for other in settings.hosts[:index]]:
            yield f"hosts.{index}.id", "must be unique and not empty"
        if not host.names:
            yield f"hosts.{index}.names", "needs at least one name"
        if set(host.listeners) - known:
            yield f"hosts.{index}.listeners", f"listeners are named {', '.join(sorted(known))}"
    for index, listener in enumerate(settings.listen):
        if isinstance(listener, Https) and not listener.certificates:
            yield f"listen.{index}.certificates", "needs at least one Certificate"
        if isinstance(listener, Http) and listener.redirect and not (secure or listener.redirect_port):
            yield f"listen.{index}.redirect", "there is no Https listener; give redirect_port"
    for index, proxy in enumerate(settings.trusted_proxies):
        try:
            ip_network(proxy, strict=False)
        except ValueError:
            yield f"trusted_proxies.{index}", "must be an address, or a network such as 10.0.0.0/8"
