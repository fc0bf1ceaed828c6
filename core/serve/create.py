"""From a mode and a root folder to an application: load, link, assemble.

In: the name of a mode and a folder. Out: `App`, a plain ASGI callable for any server. Nothing is opened here:
databases open when the application starts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Final

from core.data.cache import RecordCache
from core.data.counters import Counters, MemcachedCounters, MongoCounters
from core.data.databases import Databases
from core.data.ladder import climb
from core.http.upstream import Upstreams
from core.link.linked import Linked
from core.link.linker import link
from core.load.configuration import load_settings
from core.load.loader import Loaded, load, project_folders
from core.log import configure_logging
from core.observe.observation import Observation
from core.schema.rules import now
from core.serve.app import App
from core.serve.context import AppContext, ProjectSettings
from core.serve.i18n import Translator
from core.serve.limits import Limiter
from core.serve.program import compile_routes
from core.settings import ServerSettings

#: the repository: `generic/` lives here, and `config/` and `projects/` unless another root is given
HOME: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Assembly:
    """An application before it runs: what was configured, loaded and linked."""

    mode: str
    root: Path
    settings: ServerSettings
    loaded: Loaded
    linked: Linked


def assemble(mode: str, root: Path, settings: ServerSettings, folders: Sequence[Path]) -> Assembly:
    """Load and link project folders.

    Raises:
        ExceptionGroup: every `LoadError` of every file.
    """
    loaded = load(folders, root)
    return Assembly(mode, root, settings, loaded, link(loaded, settings, mode))


def application_folders(root: Path) -> list[Path]:
    """`generic/` and every folder of `projects/` under the root."""
    return project_folders(root, [HOME / "generic"])


def build_app(
    assembly: Assembly,
    databases: Databases,
    failures: list[BaseException] | None = None,
    clock: Callable[[], datetime] | None = None,
    on_stop: Callable[[], None] = lambda: None,
) -> App:
    """The application of an assembly over its databases, not started yet.

    `failures` collects unexpected errors of steps, for tests; `on_stop` is called when the application has stopped.
    """
    settings, own_clock = assembly.settings, clock
    observation = Observation(settings, assembly.mode)
    linked = compile_routes(assembly.linked, settings.limits, observation.watches)
    clock = clock or now
    seconds = (lambda: clock().timestamp()) if own_clock else monotonic
    cache = RecordCache(settings.cache, lambda: clock().timestamp())
    counters: Counters | None = None if databases.is_memory else MongoCounters(databases)
    if cache.shared is not None:
        counters = MemcachedCounters(cache.shared, settings.cache.prefix, lambda: clock().timestamp())
    context = AppContext(
        mode=assembly.mode,
        server=settings,
        linked=linked,
        registry=assembly.loaded.registry,
        db=databases,
        settings=ProjectSettings(linked.project_settings),
        translator=Translator(linked.translations, settings.culture),
        cache=cache,
        http=Upstreams(linked.upstreams, cache, observation.trace),
        limits=Limiter(counters, processes=settings.workers, clock=seconds),
        failures=failures,
        clock=clock,
    )
    return App(context, observation, on_stop)


def create_app(mode: str = "local", root: str | os.PathLike[str] | None = None) -> App:
    """The plain ASGI application of a mode, for any ASGI server: `granian --interface asgi server:app`.

    The root is a folder with `config/` and `projects/` of its own; the repository by default.

    Raises:
        ConfigError: a setting is wrong.
        ExceptionGroup: every `LoadError` of every project file.
    """
    folder = Path(root).resolve() if root is not None else HOME
    settings = load_settings(mode, folder)
    configure_logging(settings.log, mode)
    assembly = assemble(mode, folder, settings, application_folders(folder))
    ground = climb(settings.databases, folder)
    databases = Databases(ground.databases, settings.default_database, memory=ground.memory)
    return build_app(assembly, databases, on_stop=ground.stop)
