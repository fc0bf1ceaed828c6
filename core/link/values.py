"""Values of declarations against their types: routes files, policies, settings of projects, texts.

In: declarations. Out: the same values, checked and without `env(...)`, or problems at their line. An editor shows
most of these mistakes; here they are caught for everybody.
"""

from __future__ import annotations

from typing import Any, TypeVar

from core.declare.route import names
from core.errors import BadDeclaration, ErrorItem, LoadError, UnresolvedReference
from core.load.configuration import find_place
from core.load.convert import WRONG, Converter
from core.load.loader import Loaded
from core.load.problems import Problems, suggest
from core.schema.fields import MISSING, read_fields
from core.schema.params import compile_field
from core.settings import Secret, ServerSettings
from core.source import Source

T = TypeVar("T")

_CHAIN_HINT = "a chain holds use(…) and actions: functions decorated by a controller"
_HINTS = dict.fromkeys(("before", "chain", "after", "errors"), _CHAIN_HINT) | {
    "texts": "key → language → text, or key → language → region → text"
}


def is_in_mode(environment: Any, mode: str) -> bool:
    """Whether something exists in a mode: it names the mode, or none at all."""
    return not environment or mode in names(environment)


def check_values(declared: T, source: Source, problems: Problems, label: str = "") -> T | None:
    """A dataclass whose fields fit their annotations: what is wrong is reported and takes its default.

    Declarations in it are not looked into. `None` where a wrong field has no default.
    """

    def refuse(name: str, message: str) -> None:
        hint = _HINTS.get(name.partition(".")[0], "")
        problems.add(BadDeclaration(source, f"{label}{name} {message}", hint))

    checked = Converter(refuse).convert_fields(declared)
    return None if checked is WRONG else checked


def build_project_settings(cls: type[Any], loaded: Loaded, settings: ServerSettings, mode: str) -> Any:
    """The one frozen instance of a `Settings` class: its defaults, overridden by the mode."""
    wrong: list[LoadError] = []
    fields = {field.name: field for field in read_fields(cls)}
    known = fields | {field.wire: field for field in fields.values()}
    for field in fields.values():
        if field.default is MISSING:
            message = f"{cls.__name__}.{field.name} needs a default: a project runs as it is"
            wrong.append(BadDeclaration(field.source, message))
    values = {name: field.make_default() for name, field in fields.items()}
    for name, value in settings.projects.get(cls.identity, {}).items():
        place = find_place(loaded.root, mode, "projects", cls.identity, name)
        if name not in known:
            hint = suggest(name, known, none="it has none")
            wrong.append(UnresolvedReference(place, f"{cls.__name__} has no setting '{name}'", hint))
            continue
        errors: list[ErrorItem] = []
        raw = value.reveal() if isinstance(value, Secret) else value
        values[known[name].name] = compile_field(known[name])(raw, errors)
        label = f"settings of '{cls.identity}'"
        wrong += [BadDeclaration(place, f"{label}: {item.msg or item.code}") for item in errors]
    if wrong:
        raise ExceptionGroup(f"settings of '{cls.identity}'", wrong)
    return cls(**values)


def find_unknown_settings(loaded: Loaded, settings: ServerSettings, mode: str) -> list[LoadError]:
    """Overrides that no `Settings` class answers to."""
    known = [cls.identity for cls in loaded.registry.all("settings")]
    return [
        UnresolvedReference(
            find_place(loaded.root, mode, "projects", identity),
            f"unknown project settings '{identity}'",
            suggest(identity, known, none="no project declares settings"),
        )
        for identity in settings.projects
        if identity not in known and not loaded.is_lost(identity)
    ]
