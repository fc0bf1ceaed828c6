"""Resolves and checks everything that was declared, and makes the frozen values that are served.

In: `Loaded`, the settings, the mode. Out: `Linked`, or every problem of every file in one group. Before it:
`load/loader.py`; after it: `serve/matcher.py`, `docs/openapi.py`, `cron/plan.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from types import MappingProxyType
from typing import Any

from core.declare.controller import Controller, Use
from core.declare.route import names
from core.errors import UnresolvedReference
from core.link.chain import ChainResolver
from core.link.checks import is_in_mode
from core.link.conflicts import check_conflicts
from core.link.jobs import link_command, link_init, link_job
from core.link.linked import Linked, LinkedFolder, LinkedInit, LinkedRoute
from core.link.project_settings import link_project_settings
from core.link.routes import Defaults, RouteLinker
from core.link.signature import is_params
from core.link.translations import merge_translations
from core.load.loader import Loaded
from core.load.places import find_place
from core.load.problems import Problems
from core.load.suggest import did_you_mean, list_known
from core.schema.fields import read_fields
from core.schema.model import check_model
from core.settings import ServerSettings


def link(loaded: Loaded, settings: ServerSettings, mode: str) -> Linked:
    """Everything an application is made of, checked.

    Args:
        loaded: what was declared.
        settings: of the mode, resolved.
        mode: what does not exist in it is left out.

    Raises:
        ExceptionGroup: of every `LoadError` in all files, those of loading included, sorted by place.
    """
    problems = Problems()
    for problem in loaded.problems:
        problems.add(problem)
    registry = loaded.registry
    linked = Linked(
        routes=tuple(_link_routes(loaded, settings, mode, problems)),
        jobs=_each(link_job, (c for c in registry.all("cron") if is_in_mode(c.policy.environment, mode)), problems),
        inits=tuple(sorted(_each(link_init, loaded.inits, problems), key=_running_order)),
        commands=_each(link_command, registry.all("command"), problems),
        models=tuple(_check_models(loaded, settings, problems)),
        libs=MappingProxyType({(entry.identity, entry.version): entry.value for entry in registry.entries("lib")}),
        project_settings=link_project_settings(loaded, settings, mode, problems),
        translations=merge_translations(registry.all("translations"), problems),
        public_folders=tuple(_public_folders(loaded, mode)),
    )
    if problems:
        raise ExceptionGroup(summarize(problems), list(problems))
    return linked


def summarize(problems: Problems) -> str:
    """`3 problems`."""
    return "1 problem" if len(problems) == 1 else f"{len(problems)} problems"


def _each(make: Any, declarations: Iterable[Any], problems: Problems) -> tuple[Any, ...]:
    made = [problems.attempt(partial(make, declaration)) for declaration in declarations]
    return tuple(value for value in made if value is not None)


def _running_order(init: LinkedInit) -> tuple[int, str, int]:
    return (init.order, init.source.file, init.source.line)


def _link_routes(loaded: Loaded, settings: ServerSettings, mode: str, problems: Problems) -> list[LinkedRoute]:
    resolver = ChainResolver(loaded, problems)
    for controller in loaded.registry.all("controller"):
        _check_actions(controller, resolver)
    defaults = _link_defaults(resolver, settings, mode)
    linker = RouteLinker(loaded, settings, mode, defaults, resolver, problems)
    routes = [route for file, project in loaded.routes for route in linker.link(file, project)]
    check_conflicts(routes, [host.id for host in settings.hosts], loaded, problems)
    return routes


def _check_actions(controller: Controller, resolver: ChainResolver) -> None:
    """Reads every signature and its fields, so that actions no route uses yet are checked, too."""
    for action in controller.actions.values():
        signature = resolver.signature_of(action)
        for annotation in signature.sections.values() if signature else ():
            if is_params(annotation):
                resolver.problems.holds(partial(_read, annotation))


def _read(annotation: type[Any]) -> None:
    read_fields(annotation)


def _link_defaults(resolver: ChainResolver, settings: ServerSettings, mode: str) -> Defaults:
    steps = {}
    for name in ("default_output", "default_errors"):
        named: tuple[str, str] | None = getattr(settings, name)
        place = find_place(resolver.loaded.root, mode, (name,))
        entries = [] if named is None else [Use(*named, source=place)]
        found = resolver.resolve(entries, "all", place, None)
        steps[name] = tuple(step for step in found if step is not None)
    return Defaults(steps["default_output"], steps["default_errors"])


def _check_models(loaded: Loaded, settings: ServerSettings, problems: Problems) -> Iterator[type[Any]]:
    for model in loaded.registry.all("model"):
        if problems.holds(partial(_check_model, model, settings)):
            yield model


def _check_model(model: type[Any], settings: ServerSettings) -> None:
    check_model(model)
    known = settings.databases
    if model.database and model.database not in known:
        hint = did_you_mean(model.database, known) or list_known(known, none="no databases are configured")
        message = f"model '{model.identity}': unknown database '{model.database}'"
        raise UnresolvedReference(model.source, message, hint)


def _public_folders(loaded: Loaded, mode: str) -> Iterator[LinkedFolder]:
    """One per prefix of every routes file of a project that has `public/`, each once."""
    seen: set[LinkedFolder] = set()
    for file, project in loaded.routes:
        folder = project.folder / "public"
        if is_in_mode(names(file.environment), mode) and folder.is_dir():
            for prefix in file.prefixes:
                linked = LinkedFolder(prefix, str(folder), file.host_ids)
                if linked not in seen:
                    seen.add(linked)
                    yield linked
