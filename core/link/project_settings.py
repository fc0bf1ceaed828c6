"""Settings of projects: one frozen instance per class, its defaults overridden by the mode.

In: `Settings` classes and `ServerSettings.projects`. Out: class → instance. Overrides obey the rules of the
fields, and a name that no class has is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from core.errors import BadDeclaration, ErrorItem, LoadError, UnresolvedReference
from core.load.loader import Loaded
from core.load.places import find_place
from core.load.problems import Problems
from core.load.suggest import did_you_mean, list_known
from core.schema.fields import MISSING, Field, read_fields
from core.schema.params import compile_field
from core.settings import Secret, ServerSettings
from core.source import Source


def link_project_settings(
    loaded: Loaded, settings: ServerSettings, mode: str, problems: Problems
) -> Mapping[type[Any], Any]:
    """One instance per `Settings` class.

    Args:
        loaded: what was declared.
        settings: holds the overrides, by identity.
        mode: names the configuration file in messages.
        problems: gets everything that is wrong.
    """
    classes: tuple[type[Any], ...] = loaded.registry.all("settings")
    known = {cls.identity for cls in classes}
    for identity in settings.projects:
        if identity not in known and not loaded.registry.is_lost(identity):
            hint = did_you_mean(identity, known) or list_known(known, none="no project declares settings")
            place = find_place(loaded.root, mode, ("projects", identity))
            problems.add(UnresolvedReference(place, f"unknown project settings '{identity}'", hint))
    made = {}
    for cls in classes:
        overrides = settings.projects.get(cls.identity, {})
        place_of = partial(_place_of, loaded, mode, cls.identity)
        instance = problems.attempt(partial(_build, cls, overrides, place_of))
        if instance is not None:
            made[cls] = instance
    return MappingProxyType(made)


def _place_of(loaded: Loaded, mode: str, identity: str, name: str) -> Source:
    return find_place(loaded.root, mode, ("projects", identity, name))


def _build(cls: type[Any], overrides: Mapping[str, Any], place_of: Callable[[str], Source]) -> Any:
    fields = {field.name: field for field in read_fields(cls)}
    by_wire = {field.wire: field for field in fields.values()}
    problems = list(_check_defaults(cls, fields))
    values = {name: field.make_default() for name, field in fields.items()}
    for name, value in overrides.items():
        field = fields.get(name) or by_wire.get(name)
        if field is None:
            hint = did_you_mean(name, fields) or list_known(fields, none="it has none")
            problems.append(UnresolvedReference(place_of(name), f"{cls.__name__} has no setting '{name}'", hint))
            continue
        errors: list[ErrorItem] = []
        raw = value.reveal() if isinstance(value, Secret) else value
        values[field.name] = compile_field(field)(raw, errors)
        problems.extend(_explain(cls, item, place_of(name)) for item in errors)
    if problems:
        raise ExceptionGroup(f"settings {cls.identity}", problems)
    return cls(**values)


def _check_defaults(cls: type[Any], fields: Mapping[str, Field]) -> Iterator[LoadError]:
    for field in fields.values():
        if field.default is MISSING:
            message = f"{cls.__name__}.{field.name} needs a default: a project runs as it is"
            yield BadDeclaration(field.source, message)


def _explain(cls: type[Any], item: ErrorItem, source: Source) -> LoadError:
    return BadDeclaration(source, f"settings of '{cls.identity}': {item.msg or item.code}")
