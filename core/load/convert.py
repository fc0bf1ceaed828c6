"""Settings against their annotations: resolves `env(...)`, converts texts, checks types and ranges.

In: a value of `core/settings.py` as an author wrote it. Out: the same value without `Env`, the origin of
every part, and a `ConfigError` for each that is wrong. Used by `configuration.py`.
"""

from __future__ import annotations

import dataclasses
import math
import os
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from core.errors import ConfigError
from core.load.places import find_place
from core.load.suggest import did_you_mean
from core.settings import Env, Local, Secret

TRUE_WORDS = ("true", "1", "y", "yes", "on")
FALSE_WORDS = ("false", "0", "n", "no", "off")

#: names of settings whose values are never printed
SECRET_NAME = re.compile(r"password|passwd|secret|token|api_?key|private_?key|credential|url", re.IGNORECASE)

_WRONG = object()


@dataclass
class Converter:
    """One run over the settings of a mode.

    Attributes:
        root: the application's folder.
        mode: names the file.
        errors: what is wrong.
        origins: dotted name → `default`, `config/<mode>.py` or `env NAME`.
        variables: dotted name → the variable that could have given the value.
    """

    root: Path
    mode: str
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    errors: list[ConfigError] = field(default_factory=list)
    origins: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    def refuse(self, name: str, message: str) -> Any:
        """Note that a setting is wrong, with the variable or the line it comes from; once per setting."""
        if any(error.name == name for error in self.errors):
            return _WRONG
        origin = self.origins.get(name, "")
        place = f"{origin}: " if origin.startswith("env ") else f"{self._place(name)}: "
        self.errors.append(ConfigError(name, f"{place}{message}"))
        return _WRONG

    def convert(self, value: Any, annotation: Any, name: str, default: Any = _WRONG) -> Any:
        """The value of a setting, resolved and checked; its default when it is wrong.

        Args:
            value: as written.
            annotation: resolved type of the setting.
            name: its dotted name.
            default: what it is when nobody says anything.
        """
        converted = self._convert(value, annotation, name, default)
        return default if converted is _WRONG else converted

    def _convert(self, value: Any, annotation: Any, name: str, default: Any) -> Any:
        if isinstance(value, Env):
            text = self.environment.get(value.name, "")
            self.variables[name] = value.name
            if text:
                self.origins[name] = f"env {value.name}"
                return self._from_text(text, annotation, name)
            if value.required:
                return self.refuse(name, f"set the environment variable {value.name}")
            value = value.default
        if not dataclasses.is_dataclass(value):
            self.origins[name] = "default" if value == default else f"config/{self.mode}.py"
        return self._check(value, annotation, name, default)

    def convert_fields(self, value: Any, name: str, default: Any = None) -> Any:
        """A dataclass with every field converted; `name` is its dotted name, empty for the outermost."""
        hints = typing.get_type_hints(type(value))
        made = {}
        for item in dataclasses.fields(value):
            if item.name == "origins":
                continue
            inner = f"{name}.{item.name}" if name else item.name
            usual = getattr(default, item.name, _default_of(item))
            made[item.name] = self.convert(getattr(value, item.name), hints[item.name], inner, usual)
        return _WRONG if any(part is _WRONG for part in made.values()) else dataclasses.replace(value, **made)

    def _check(self, value: Any, annotation: Any, name: str, default: Any) -> Any:
        origin = get_origin(annotation)
        if annotation is Any:
            return self._check_free(value, name)
        if origin is Literal:
            return value if value in get_args(annotation) else self._refuse_choice(value, annotation, name)
        if origin in (Union, types.UnionType):
            return self._check_union(value, get_args(annotation), name, default)
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return self._check_mapping(value, get_args(annotation)[1], name)
        if isinstance(origin, type) and issubclass(origin, Sequence):
            return self._check_sequence(value, get_args(annotation), name)
        if dataclasses.is_dataclass(annotation):
            if isinstance(value, typing.cast("type[Any]", annotation)):
                return self.convert_fields(value, name, default)
            return self.refuse(name, f"must be {describe(annotation)}, not {show(value, name)}")
        return self._check_plain(value, annotation, name)

    def _check_plain(self, value: Any, annotation: Any, name: str) -> Any:
        if annotation is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, annotation) or (annotation is int and isinstance(value, bool)):
            return self.refuse(name, f"must be {describe(annotation)}, not {show(value, name)}")
        if annotation in (int, float):
            return self._check_range(value, name)
        return value

    def _check_range(self, value: float, name: str) -> Any:
        if name.rpartition(".")[2] == "port":
            fits, range_ = 0 <= value <= 65535, "between 0 and 65535"
        elif isinstance(value, int):
            fits, range_ = value >= 1, "at least 1"
        else:
            fits, range_ = value > 0 and math.isfinite(value), "over 0"
        return value if fits else self.refuse(name, f"must be {range_}, not {value}")

    def _check_union(self, value: Any, members: tuple[Any, ...], name: str, default: Any) -> Any:
        if value is None and type(None) in members:
            return None
        for member in members:
            kind = get_origin(member) or member
            if isinstance(kind, type) and isinstance(value, kind):
                return self._check(value, member, name, default)
        wanted = " or ".join(describe(member) for member in members)
        return self.refuse(name, f"must be {wanted}, not {show(value, name)}")

    def _check_mapping(self, value: Any, item: Any, name: str) -> Any:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            return self.refuse(name, f"must be a dict with texts as keys, not {show(value, name)}")
        made = {key: self.convert(inner, item, f"{name}.{key}") for key, inner in value.items()}
        return {key: inner for key, inner in made.items() if inner is not _WRONG}

    def _check_sequence(self, value: Any, items: tuple[Any, ...], name: str) -> Any:
        if isinstance(value, str) or not isinstance(value, Sequence):
            return self.refuse(name, f"must be a list, not {show(value, name)}")
        fixed = items if len(items) > 1 and items[-1] is not ... else (items[0],) * len(value)
        if len(fixed) != len(value):
            return self.refuse(name, f"must have {len(fixed)} parts, not {len(value)}")
        pairs = enumerate(zip(value, fixed, strict=True))
        made = [self.convert(inner, item, f"{name}.{index}") for index, (inner, item) in pairs]
        return tuple(inner for inner in made if inner is not _WRONG)

    def _check_free(self, value: Any, name: str) -> Any:
        """A project's own setting: `link/` checks it against its class."""
        if isinstance(value, Mapping):
            return {key: self.convert(inner, Any, f"{name}.{key}") for key, inner in value.items()}
        if isinstance(value, list):
            return [self.convert(inner, Any, f"{name}.{index}") for index, inner in enumerate(value)]
        return value

    def _from_text(self, text: str, annotation: Any, name: str) -> Any:
        members = [member for member in _members(annotation) if member is not type(None)]
        if Secret in members and str not in members:
            return Secret(text)
        for member in members:
            if member in (Any, str):
                return text
            if member in _CONVERSIONS:
                what, make = _CONVERSIONS[member]
                try:
                    return self._check(make(text), member, name, _WRONG)
                except ValueError:
                    return self.refuse(name, f"must be {what}, not '{text}'")
            if get_origin(member) is Literal:
                return self._check(text, member, name, _WRONG)
            if get_origin(member) is not None and get_args(member)[:1] == (str,):
                return self._check([part.strip() for part in text.split(",")], member, name, _WRONG)
        return self.refuse(name, f"{describe(annotation)} cannot come from an environment variable")

    def _refuse_choice(self, value: Any, annotation: Any, name: str) -> Any:
        choices = get_args(annotation)
        hint = did_you_mean(value, map(str, choices)) if isinstance(value, str) else ""
        wanted = ", ".join(map(repr, choices))
        return self.refuse(name, f"must be one of {wanted}, not {show(value, name)}{f' ({hint})' if hint else ''}")

    def _place(self, name: str) -> str:
        place = find_place(self.root, self.mode, tuple(name.split(".")))
        return str(place.relative_to(self.root))


def _to_bool(text: str) -> bool:
    word = text.strip().lower()
    if word not in (*TRUE_WORDS, *FALSE_WORDS):
        raise ValueError
    return word in TRUE_WORDS


_CONVERSIONS: Mapping[Any, tuple[str, Callable[[str], Any]]] = {
    bool: (f"one of {', '.join((*TRUE_WORDS, *FALSE_WORDS))}", _to_bool),
    int: ("a whole number", int),
    float: ("a number", float),
}


def _members(annotation: Any) -> tuple[Any, ...]:
    union = get_origin(annotation) in (Union, types.UnionType)
    return get_args(annotation) if union else (annotation,)


def _default_of(item: dataclasses.Field[Any]) -> Any:
    if item.default is not dataclasses.MISSING:
        return item.default
    return item.default_factory() if item.default_factory is not dataclasses.MISSING else _WRONG


def describe(annotation: Any) -> str:
    """A type as a person would say it."""
    words = {str: "a text", int: "a whole number", float: "a number", bool: "True or False", Local: "LOCAL"}
    if annotation in (None, type(None)):
        return "None"
    if annotation in words:
        return words[annotation]
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")


def show(value: Any, name: str) -> str:
    """A wrong value for a message; nothing of what may be a secret."""
    if isinstance(value, str) and not SECRET_NAME.search(name) and len(value) <= 40:
        return repr(value)
    if value is None or isinstance(value, bool | int | float | Local):
        return repr(value)
    return "a text" if isinstance(value, str) else f"a value of type {type(value).__name__}"
