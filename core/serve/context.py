"""What a step sees: the application and the one request it works on.

In: a `LinkedRoute`, a `Request` and the `AppContext`. Out: a `Context`, one per request, cheap to make:
everything that few steps ask for is made when it is asked for. Before it: `matcher.py`; after it: `chain.py`.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http.cookies import SimpleCookie
from typing import Any, Literal, TypeVar, cast

from core.data.cache import RecordCache
from core.data.databases import Databases
from core.declare.project import Settings
from core.errors import UnresolvedReference
from core.http.upstream import Upstreams
from core.link.linked import Linked, LinkedRoute
from core.load.registry import Registry
from core.log import EventLogger
from core.schema.rules import now
from core.serve.background import Background
from core.serve.encoding import RawHeader
from core.serve.i18n import Translator
from core.serve.limits import Limiter
from core.serve.refusals import Refusals
from core.serve.request import Request
from core.settings import ServerSettings
from core.source import author_source

S = TypeVar("S", bound=Settings)
_log = logging.getLogger("catena.app")


class ProjectSettings:
    """The settings of projects: `settings[DemoSettings]`, or by path with `config("demo-config.title")`."""

    def __init__(self, values: Mapping[type[Any], Any]) -> None:
        self._values = values
        self._by_identity = {cls.identity: instance for cls, instance in values.items()}

    def __getitem__(self, cls: type[S]) -> S:
        """The one instance of a settings class."""
        return cast("S", self._values[cls])

    def get(self, path: str) -> Any:
        """A value by `identity.key`, further keys lead into objects; an unknown one is an `UnresolvedReference`."""
        value: Any = self._by_identity
        try:
            for key in path.split("."):
                value = (value if isinstance(value, Mapping) else vars(value))[key]
        except (KeyError, TypeError):
            raise UnresolvedReference(author_source(), f"there is no setting '{path}'") from None
        return value


@dataclass(frozen=True, eq=False)
class AppContext:
    """One worker's application: what start functions, jobs and commands get, and steps as `ctx.app`.

    Attributes:
        mode, server: name of the configuration, and its settings.
        linked: everything that was linked, `linked.routes` for listings.
        registry: declarations by identity.
        db, settings: the databases, and the settings of projects.
        translator: texts of every project and of core.
        cache: records that several requests share.
        limits: rate limits; `await ctx.app.limits.take("mail anna", RateLimit(5, 3600))` counts for a key of one's own.
        http: the upstreams: `http["weather"]`.
        background: work that outlives a request.
        clock: gives the current time; a test may pass its own.
        events: how often something happened, for metrics: `("cron", job, outcome)`, `("missed", job)`.
        refusals: logs who was refused.
        failures: unexpected errors are kept here when it is a list, for tests to raise them.
        log: a logger without a request.
    """

    mode: str
    server: ServerSettings
    linked: Linked
    registry: Registry
    db: Databases
    settings: ProjectSettings
    translator: Translator
    cache: RecordCache = field(default_factory=RecordCache)
    limits: Limiter = field(default_factory=Limiter)
    http: Upstreams = field(default_factory=Upstreams)
    background: Background = field(default_factory=Background)
    clock: Callable[[], datetime] = now
    refusals: Refusals = field(default_factory=Refusals)
    events: Counter[tuple[str, ...]] = field(default_factory=Counter)
    failures: list[BaseException] | None = None
    log: logging.Logger = _log

    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        return self.clock()

    def lib(self, identity: str, version: str = "1.0") -> Any:
        """The module of a library; an unknown one is an `UnresolvedReference`."""
        return self.registry.get("lib", identity, version)

    def model(self, identity: str, version: str = "1.0") -> Any:
        """The class of a model; an unknown one is an `UnresolvedReference`."""
        return self.registry.get("model", identity, version)

    def config(self, path: str) -> Any:
        """A project's setting by `identity.key`; an unknown one is an `UnresolvedReference`."""
        return self.settings.get(path)


class Context:
    """What a step gets as its first argument.

    Attributes:
        request, route, app: the request as received, the route that matched, the application.
        db: the databases: `ctx.db[Todo]`.
        settings: the settings of projects: `ctx.settings[DemoSettings]`.
        result: what the output step sends; set by returning a value from a step.
        status: HTTP status of the answer.
        headers, cookies: of the answer; values of `Set-Cookie` by name, see `set_cookie`.
        limit_headers: what rate limits say of the request, as it is sent.
        cache_time_s: how long the answer may be kept, for the cache-control step.
        expired: whether the deadline of the request has passed.
        has_culture: whether the answer may depend on the language that the request asks for.
    """

    __slots__ = (
        "_culture", "_stored_culture", "app", "cache_time_s", "cookies", "db", "expired", "has_culture", "headers",
        "limit_headers", "request", "result", "route", "settings", "status",
    )  # fmt: skip

    def __init__(self, app: AppContext, route: LinkedRoute, request: Request) -> None:
        self.app = app
        self.route = route
        self.request = request
        self.db = app.db
        self.settings = app.settings
        self.result: Any = None
        self.status = 200
        self.headers: dict[str, str] = {}
        self.cookies: dict[str, str] = {}
        self.limit_headers: list[RawHeader] = []
        self.cache_time_s = 0
        self.expired = self.has_culture = False
        self._culture: tuple[str, str] | None = None
        self._stored_culture: tuple[str, str] | None = None

    @property
    def culture(self) -> tuple[str, str]:
        """Language and region of the answer, from the request or the default."""
        if self._culture is None:
            sent = self.request.header("culture.code"), self.request.header("accept-language")
            self.has_culture = True
            self._culture = self.app.translator.read_culture(*sent, self._stored_culture)
        return self._culture

    def store_culture(self, language: str, region: str) -> None:
        """The culture that is known of the client, a device for example: used where the request itself names none."""
        self._stored_culture, self._culture = (language.lower(), region.lower()), None

    @property
    def language(self) -> str:
        """Two-letter language of the answer."""
        return self.culture[0]

    @property
    def region(self) -> str:
        """Two-letter region of the answer."""
        return self.culture[1]

    @property
    def log(self) -> EventLogger:
        """A logger whose events carry the request id."""
        return EventLogger(self.app.log, {"request_id": self.request.id})

    @property
    def cache(self) -> RecordCache:
        """Records that several requests share: `await ctx.cache.cached("key", lifetime_s=60, producer=f)`."""
        return self.app.cache

    @property
    def http(self) -> Upstreams:
        """The declared upstreams: `await ctx.http["weather"].get("/forecast", query={"city": city})`."""
        return self.app.http

    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        return self.app.clock()

    def lib(self, identity: str, version: str = "1.0") -> Any:
        """The module of a library; an unknown one is an error."""
        return self.app.lib(identity, version)

    def model(self, identity: str, version: str = "1.0") -> Any:
        """The class of a model; an unknown one is an error."""
        return self.app.model(identity, version)

    def config(self, path: str) -> Any:
        """A project's setting by `identity.key`; an unknown one is an error."""
        return self.app.config(path)

    def t(self, group: str, key: str, *values: object, **named: object) -> str:
        """A text of a group in the language of the request; `""` or `system` is core's group."""
        return self.app.translator.translate(group, key, self.language, self.region, *values, **named)

    def later(self, work: Coroutine[Any, Any, Any], *, name: str, timeout_s: float = 30) -> None:
        """Run something after the answer: its errors are logged, it is finished before the server stops.

        Raises:
            Unavailable: too much is waiting already.
        """
        self.app.background.start(work, name=name, timeout_s=timeout_s, request_id=self.request.id)

    def set_cookie(
        self, name: str, value: str, *, max_age_s: int | None = None, path: str = "/", secure: bool = True,
        http_only: bool = True, same_site: Literal["lax", "strict", "none"] = "lax",
    ) -> None:  # fmt: skip
        """Send a cookie with the answer; closed to scripts and other sites unless said otherwise."""
        morsel = SimpleCookie({name: value})[name]
        morsel["path"] = path
        morsel["samesite"] = same_site
        morsel["max-age"] = "" if max_age_s is None else max_age_s
        morsel["secure"] = secure
        morsel["httponly"] = http_only
        self.cookies[name] = morsel.OutputString()
