"""Resolves and checks everything that was declared, and makes the frozen values that are served.

In: `Loaded`, the settings, the mode. Out: `Linked`, or every problem of every file in one group. Before it:
`load/loader.py`; after it: `serve/matcher.py`, `docs/openapi.py`, `cron/plan.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from types import MappingProxyType
from typing import Any, TypeVar

from core.declare.controller import Use
from core.errors import BadDeclaration, ErrorItem, UnresolvedReference
from core.link.chain import ChainResolver, ChainStep
from core.link.jobs import link_command, link_init, link_job, link_upstream
from core.link.linked import Linked, LinkedFolder, LinkedRoute
from core.link.paths import find_conflicts
from core.link.routes import RouteLinker, is_in_mode
from core.load.configuration import find_place
from core.load.convert import check_values
from core.load.loader import Loaded
from core.load.problems import suggest
from core.schema.compiler import check_default
from core.schema.fields import MISSING, read_fields
from core.schema.model import check_model
from core.schema.params import compile_field
from core.settings import Secret, ServerSettings

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

    instances = each(lambda cls: _build_settings(cls, loaded, settings, mode), registry.all("settings"))
    linked = Linked(
        routes=_link_routes(loaded, settings, mode),
        jobs=each(
            lambda cron: link_job(cron, problems),
            (cron for cron in registry.all("cron") if is_in_mode(cron.policy.environment, mode)),
        ),
        inits=tuple(sorted(each(link_init, loaded.inits), key=attrgetter("order", "source.file", "source.line"))),
        commands=each(link_command, registry.all("command")),
        models=each(lambda model: _check_model(model, settings), registry.all("model")),
        project_settings=MappingProxyType({type(instance): instance for instance in instances}),
        translations=MappingProxyType({group.identity: group.texts for group in registry.all("translations")}),
        upstreams=each(lambda upstream: link_upstream(upstream, problems), registry.all("upstream")),
        public_folders=tuple(dict.fromkeys(_public_folders(loaded, mode))),
    )
    known = [cls.identity for cls in registry.all("settings")]
    for identity in settings.projects:
        if identity not in known and not loaded.is_lost(identity):
            place = find_place(loaded.root, mode, "projects", identity)
            hint = suggest(identity, known, none="no project declares settings")
            problems.add(UnresolvedReference(place, f"unknown project settings '{identity}'", hint))
    for group in registry.all("translations"):
        check_values(group, group.source, problems, f"translations '{group.identity}': ")
    if problems:
        raise ExceptionGroup(f"{len(problems)} problems", list(problems))
    return linked


def _link_routes(loaded: Loaded, settings: ServerSettings, mode: str) -> tuple[LinkedRoute, ...]:
    resolver, problems = ChainResolver(loaded), loaded.problems
    for controller in loaded.registry.all("controller"):
        for action in controller.actions.values():
            problems.attempt(resolver.read, action)

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


def _check_model(model: type[Any], settings: ServerSettings) -> type[Any]:
    check_model(model)
    if model.database and model.database not in settings.databases:
        hint = suggest(model.database, settings.databases, none="no databases are configured")
        message = f"model '{model.identity}': unknown database '{model.database}'"
        raise UnresolvedReference(model.source, message, hint)
    return model


def _build_settings(cls: type[Any], loaded: Loaded, settings: ServerSettings, mode: str) -> Any:
    """The one frozen instance of a `Settings` class: its defaults, overridden by the mode."""
    problems = loaded.problems
    fields = {field.name: field for field in read_fields(cls)}
    known = fields | {field.wire: field for field in fields.values()}
    values = {}
    for field in fields.values():
        if field.default is MISSING:
            message = f"{cls.__name__}.{field.name} needs a default: a project runs as it is"
            problems.add(BadDeclaration(field.source, message))
        constant = problems.attempt(check_default, cls, field, "json")
        values[field.name] = constant if field.make is None else field.make()
    for name, value in settings.projects.get(cls.identity, {}).items():
        place = find_place(loaded.root, mode, "projects", cls.identity, name)
        if name not in known:
            hint = suggest(name, known, none="it has none")
            problems.add(UnresolvedReference(place, f"{cls.__name__} has no setting '{name}'", hint))
            continue
        errors: list[ErrorItem] = []
        raw = value.reveal() if isinstance(value, Secret) else value
        values[known[name].name] = compile_field(known[name])(raw, errors)
        for item in errors:
            problems.add(BadDeclaration(place, f"settings of '{cls.identity}': {item.msg or item.code}"))
    return cls(**values)


def _public_folders(loaded: Loaded, mode: str) -> Iterator[LinkedFolder]:
    """One per prefix of every routes file of a project that has `public/`."""
    for file, project in loaded.routes:
        folder = project.folder / "public"
        if is_in_mode(file.environment, mode) and folder.is_dir():
            for prefix in file.prefixes:
                yield LinkedFolder(prefix, str(folder), file.host_ids)
