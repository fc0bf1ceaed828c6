"""What a mode configures: typed, frozen values for `config/<mode>.py`.

In: literals in `config/`. Out: `ServerSettings`, resolved and checked by `load/configuration.py` before
anything opens. Every field names its unit; `env(...)` may stand wherever a value is expected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
    """A plain HTTP listener."""

    port: int = 3000
    host: str = "0.0.0.0"  # noqa: S104  a gateway listens to the network


@dataclass(frozen=True, slots=True)
class Host:
    """A virtual host: an id that routes files name, and the names it answers to.

    Attributes:
        id: what `Routes(host_id=…)` refers to.
        names: host names without port; `*.example.com` matches one label or more, `*` every name.
    """

    id: str
    names: Sequence[str]


@dataclass(frozen=True, slots=True)
class Mongo:
    """A database.

    Attributes:
        url: MongoDB connection string, or `LOCAL`.
        name: database name; taken from the URL, else from the key in `databases`.
        pool_size: connections per worker and client.
        selection_timeout_s: how long a request waits for a reachable server.
        pool_wait_s: how long a request waits for a free connection.
        operation_timeout_s: upper bound of one operation (`maxTimeMS`).
    """

    url: str | Secret | Local = LOCAL
    name: str = ""
    pool_size: int = 50
    selection_timeout_s: float = 4
    pool_wait_s: float = 0.5
    operation_timeout_s: float = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of every request. Exceeding one is answered 400, 413, 414 or 431, before buffering."""

    header_count: int = 100
    header_bytes: int = 16 * KIB
    target_bytes: int = 8 * KIB
    query_params: int = 256
    json_depth: int = 32
    json_keys: int = 10_000
    json_items: int = 10_000
    text_bytes: int = 64 * KIB
    body_bytes: int = 512 * KIB


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Times in seconds. `request_s`: deadline of a request. `drain_s`: for running ones at stop."""

    request_s: float = 15
    drain_s: float = 15
    keep_alive_s: int = 10


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
    """Whether jobs run in this mode, and on which host names (empty: everywhere)."""

    enabled: bool = True
    allowed_hosts: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Docs:
    """The API documentation under `/docs` and `/api-docs`."""

    enabled: bool = True
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
    """How much is logged, and as what: one JSON object a line, or text for people."""

    level: Literal["fatal", "error", "warn", "info", "debug", "trace", "none"] = "info"
    format: Literal["json", "text"] = "json"


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Everything a mode decides.

    Attributes:
        listen: the sockets to open.
        workers: processes that serve.
        hosts: virtual hosts; empty answers on every name.
        public_url: base of links in mails and listings; empty takes the request's.
        databases: by the name models use; the first or `default_database` serves models that name none.
        default_database: name in `databases`; empty takes the first.
        limits, timeouts, cache, cron, docs, culture, log: see there.
        default_output: controller linked after every chain, `(identity, version)`.
        default_errors: error controller linked after those of route and file.
        debug: whether answers may show the inside; refused in production. Nothing is shown yet.
        projects: settings of projects by identity: `{"demo-config": {"title": "…"}}`.
        origins: where each value comes from, by dotted name; filled in when the settings are loaded.
    """

    listen: Sequence[Http] = (Http(),)
    workers: int = 1
    hosts: Sequence[Host] = ()
    public_url: str = ""
    databases: Mapping[str, Mongo] = field(default_factory=dict)
    default_database: str = ""
    limits: Limits = field(default_factory=Limits)
    timeouts: Timeouts = field(default_factory=Timeouts)
    cache: Cache = field(default_factory=Cache)
    cron: CronSettings = field(default_factory=CronSettings)
    default_output: tuple[str, str] | None = ("generic-defaultJSONResponse", "1.0")
    default_errors: tuple[str, str] | None = None
    docs: Docs = field(default_factory=Docs)
    culture: Culture = field(default_factory=Culture)
    log: Log = field(default_factory=Log)
    debug: bool = False
    projects: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
