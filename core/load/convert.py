"""Values against their annotations: resolves `env(...)`, converts texts, checks types and ranges.

In: settings, routes files and policies as an author wrote them. Out: the same values without `Env`, and what is
wrong, by dotted name. Used by `configuration.py` and `link/`.
"""

from __future__ import annotations

import dataclasses
import math
import os
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from core.errors import BadDeclaration
from core.load.problems import Problems, did_you_mean
from core.settings import Env, Local, Secret
from core.source import Source

T = TypeVar("T")

#: names of settings whose values are never printed
SECRET_NAME = re.compile(r"password|passwd|secret|token|api_?key|private_?key|credential|url", re.IGNORECASE)
#: of the few classes that declarations have
_read_hints: Callable[[Any], dict[str, Any]] = cache(typing.get_type_hints)
#: stands for a value that is wrong and has no default
_WRONG: Any = object()

_TRUTH = dict.fromkeys(("true", "1", "y", "yes", "on"), True) | dict.fromkeys(("false", "0", "n", "no", "off"), False)
_PARSERS: dict[Any, Callable[[str], Any]] = {kind: kind for kind in (str, Secret, int, float)}
_PARSERS |= {Any: str, bool: lambda text: _TRUTH[text.strip().lower()]}
_WORDS: dict[Any, str] = {str: "a text", int: "a whole number", float: "a number", bool: "True or False"}
_WORDS |= {Local: "LOCAL", Mapping: "a dict with texts as keys", Sequence: "a list"}
_CHAIN_HINT = "a chain holds use(…) and actions: functions decorated by a controller"
_HINTS = dict.fromkeys(("before", "chain", "after", "errors"), _CHAIN_HINT)
_HINTS["texts"] = "key → language → text, or key → language → region → text"
#: numbers are over 0, these may be 0, too
_FROM_ZERO = ("grace_s", "hsts_s", "max_age_s", "max_per_server", "max_total", "redirects", "retries", "retry")


class _WrongError(Exception):
    """What is wrong with a value; its name is known further out."""


class Converter:
    """Converts values; `refuse(name, message)` is told what is wrong.

    `origins` tells for each dotted name whether its value is `default`, comes from `env NAME`, or was `written`.
    """

    def __init__(self, refuse: Callable[[str, str], None], written: str = "") -> None:
        self._refuse = refuse
        self._written = written
        self.origins: dict[str, str] = {}

    def convert_fields(self, value: Any, name: str = "", default: Any = None) -> Any:
        """A dataclass with every field converted; a wrong field takes its default, without one there is none."""
        hints = _read_hints(type(value))
        made = {}
        for item in dataclasses.fields(value):
            if item.name not in ("source", "origins"):
                inner = f"{name}.{item.name}" if name else item.name
                usual = getattr(default, item.name, _WRONG if item.default is dataclasses.MISSING else item.default)
                made[item.name] = self.convert(getattr(value, item.name), hints[item.name], inner, usual)
        return _WRONG if any(part is _WRONG for part in made.values()) else dataclasses.replace(value, **made)

    def convert(self, value: Any, annotation: Any, name: str, default: Any = _WRONG) -> Any:
        """One value, resolved and checked; its default when it is wrong."""
        try:
            if isinstance(value, Env):
                value = self._resolve(value, annotation, name)
            if not dataclasses.is_dataclass(value):
                self.origins.setdefault(name, "default" if value == default else self._written)
            return self._check(value, annotation, name, default)
        except _WrongError as wrong:
            self._refuse(name, str(wrong))
            return default

    def _resolve(self, variable: Env, annotation: Any, name: str) -> Any:
        text = os.environ.get(variable.name, "")
        if text:
            self.origins[name] = f"env {variable.name}"
            return _parse(text, annotation)
        if variable.required:
            raise _WrongError(f"set the environment variable {variable.name}")
        return variable.default

    def _check(self, value: Any, annotation: Any, name: str, default: Any) -> Any:
        member = next((member for member in members(annotation) if _is_a(value, member)), None)
        if member is None:
            raise _refusal(value, annotation, name)
        items = get_args(member) or (Any, Any)
        if isinstance(value, Mapping):
            made = {key: self.convert(inner, items[1], f"{name}.{key}") for key, inner in value.items()}
            return {key: inner for key, inner in made.items() if inner is not _WRONG}
        if isinstance(value, list | tuple):
            kinds = items if get_origin(member) is tuple and ... not in items else items[:1] * len(value)
            parts = [self.convert(value[at], kind, f"{name}.{at}") for at, kind in enumerate(kinds)]
            return type(value)(part for part in parts if part is not _WRONG)
        if dataclasses.is_dataclass(value):  # a declaration is checked where it stands
            return value if hasattr(value, "source") else self.convert_fields(value, name, default)
        if member in (int, float):
            _check_range(value, name.rpartition(".")[2], "over 0" if member is float else "at least 1")
        return float(value) if member is float else value


def check_values(declared: T, source: Source, problems: Problems, label: str = "") -> T | None:
    """A declaration whose fields fit their annotations: what is wrong is reported and takes its default.

    Declarations in it are not looked into. `None` where a wrong field has no default.
    """

    def refuse(name: str, message: str) -> None:
        hint = _HINTS.get(name.partition(".")[0], "")
        problems.add(BadDeclaration(source, f"{label}{name} {message}", hint))

    checked = Converter(refuse).convert_fields(declared)
    return None if checked is _WRONG else checked


def members(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, or the one type that it is."""
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _is_a(value: Any, member: Any) -> bool:
    kind, parts = get_origin(member) or member, get_args(member)
    if kind is Any or kind is Literal:
        return kind is Any or value in parts
    if kind in (int, float):
        return isinstance(value, (int, kind)) and not isinstance(value, bool)
    if kind is Mapping:
        return isinstance(value, Mapping) and all(isinstance(key, parts[0]) for key in value)
    if kind in (Sequence, tuple):
        fixed = kind is tuple and ... not in parts
        return isinstance(value, list | tuple) and (not fixed or len(value) == len(parts))
    return isinstance(value, kind)


def _parse(text: str, annotation: Any) -> Any:
    for member in members(annotation):
        if member in _PARSERS:
            try:
                return _PARSERS[member](text)
            except (ValueError, KeyError):
                return text  # and the check says what it should have been
        if get_origin(member) is Literal:
            return text
        if get_args(member)[:1] == (str,):
            return tuple(part.strip() for part in text.split(","))
    raise _WrongError(f"{_describe(annotation)} cannot come from an environment variable")


def _check_range(value: float, last_name: str, wanted: str) -> None:
    fits = value > 0 and math.isfinite(value)
    if last_name == "port":
        fits, wanted = 0 <= value <= 65535, "between 0 and 65535"
    elif last_name in _FROM_ZERO:
        fits, wanted = value >= 0, "at least 0"
    if not fits:
        raise _WrongError(f"must be {wanted}, not {value}")


def print_type(annotation: Any) -> str:
    """A type as authors write it."""
    if isinstance(annotation, type) and not get_args(annotation):
        return "None" if annotation is type(None) else annotation.__name__
    return re.sub(r"\b(?:\w+\.)+", "", str(annotation))


def _describe(annotation: Any) -> str:
    """A type as a person would say it."""
    words = []
    for member in members(annotation):
        one_of = f"one of {', '.join(map(repr, get_args(member)))}" if get_origin(member) is Literal else ""
        words.append(one_of or _WORDS.get(get_origin(member) or member) or print_type(member))
    return " or ".join(words)


def _refusal(value: Any, annotation: Any, name: str) -> _WrongError:
    """Says what a value should have been, and shows it unless it may be a secret."""
    shown, hint = f"a value of type {type(value).__name__} {getattr(value, '__name__', '')}".strip(), ""
    if isinstance(value, str):
        shown = "a text" if SECRET_NAME.search(name) or len(value) > 40 else repr(value)
        choices = [part for member in members(annotation) if get_origin(member) is Literal for part in get_args(member)]
        hint = did_you_mean(value, choices)
    elif value is None or isinstance(value, bool | int | float | Local):
        shown = repr(value)
    return _WrongError(f"must be {_describe(annotation)}, not {shown}{f' ({hint})' if hint else ''}")
