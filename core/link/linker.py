"""Resolves and checks everything that was declared, and makes the frozen values that are served.

In: `Loaded`, the settings, the mode. Out: `Linked`, or every problem of every file in one group. Before it:
`load/loader.py`; after it: `serve/matcher.py`, `docs/openapi.py`, `cron/plan.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import MappingProxyType
from typing import Any, TypeVar

from core.declare.controller import Action, Use
from core.errors import UnresolvedReference
from core.link.chain import ChainResolver, ChainStep
from core.link.jobs import link_command, link_init, link_job
from core.link.linked import Linked, LinkedFolder, LinkedInit, LinkedRoute
from core.link.paths import find_conflicts
from core.link.routes import RouteLinker
from core.link.signature import is_params
from core.link.values import build_project_settings, check_values, find_unknown_settings, is_in_mode
from core.load.configuration import find_place
from core.load.loader import Loaded
from core.load.problems import suggest
from core.schema.fields import read_fields
from core.schema.model import check_model
from core.settings import ServerSettings

S = TypeVar("S")
T = TypeVar("T")


def link(loaded: Loaded, settings: ServerSettings, mode: str) -> Linked:
    """Everything an application is made of, checked; what does not exist in the mode is left out.

    Raises:
        ExceptionGroup: of every `LoadError` in all files, those of loading included, sorted by place.
    """
    problems, registry = loaded.problems, loaded.registry

    def each(make: Callable[[S], T], declared: Iterable[S]) -> tuple[T, ...]:
        made = [problems.attempt(make, declaration) for declaration in declared]
        return tuple(value for value in made if value is not None)

    instances = each(lambda cls: build_project_settings(cls, loaded, settings, mode), registry.all("settings"))
    linked = Linked(
        routes=_link_routes(loaded, settings, mode),
        jobs=each(
            lambda cron: link_job(cron, problems),
            (cron for cron in registry.all("cron") if is_in_mode(cron.policy.environment, mode)),
        ),
        inits=tuple(sorted(each(link_init, loaded.inits), key=_running_order)),
        commands=each(link_command, registry.all("command")),
        models=each(lambda model: _check_model(model, settings), registry.all("model")),
        project_settings=MappingProxyType({type(instance): instance for instance in instances}),
        translations=MappingProxyType({group.identity: group.texts for group in registry.all("translations")}),
        public_folders=tuple(dict.fromkeys(_public_folders(loaded, mode))),
    )
    for problem in find_unknown_settings(loaded, settings, mode):
        problems.add(problem)
    for group in registry.all("translations"):
        check_values(group, group.source, problems, f"translations '{group.identity}': ")
    if problems:
        raise ExceptionGroup(f"{len(problems)} problems", list(problems))
    return linked


def _running_order(init: LinkedInit) -> tuple[int, str, int]:
    return (init.order, init.source.file, init.source.line)


def _link_routes(loaded: Loaded, settings: ServerSettings, mode: str) -> tuple[LinkedRoute, ...]:
    resolver, problems = ChainResolver(loaded), loaded.problems
    for controller in loaded.registry.all("controller"):
        for action in controller.actions.values():
            problems.attempt(_check_action, action, resolver)

    def resolve_default(name: str) -> list[ChainStep]:
        named, place = getattr(settings, name), find_place(loaded.root, mode, name)
        entries = [] if named is None else [Use(named[0], named[1], source=place)]
        return problems.attempt(resolver.resolve, "all", entries, place, name[8:]) or []

    defaults = resolve_default("default_output"), resolve_default("default_errors")
    linker = RouteLinker(loaded, settings, mode, *defaults, resolver)
    routes = tuple(route for file, _ in loaded.routes for route in linker.link(file))
    for problem in find_conflicts(routes, [host.id for host in settings.hosts], loaded.root):
        problems.add(problem)
    return routes


def _check_action(action: Action[..., Any], resolver: ChainResolver) -> None:
    """Reads signature and fields, so that actions no route uses yet are checked, too."""
    for annotation in resolver.read(action).sections.values():
        if is_params(annotation):
            read_fields(annotation)


def _check_model(model: type[Any], settings: ServerSettings) -> type[Any]:
    check_model(model)
    if model.database and model.database not in settings.databases:
        hint = suggest(model.database, settings.databases, none="no databases are configured")
        message = f"model '{model.identity}': unknown database '{model.database}'"
        raise UnresolvedReference(model.source, message, hint)
    return model


def _public_folders(loaded: Loaded, mode: str) -> Iterator[LinkedFolder]:
    """One per prefix of every routes file of a project that has `public/`."""
    for file, project in loaded.routes:
        folder = project.folder / "public"
        if is_in_mode(file.environment, mode) and folder.is_dir():
            for prefix in file.prefixes:
                yield LinkedFolder(prefix, str(folder), file.host_ids)
