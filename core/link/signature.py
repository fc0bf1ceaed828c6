"""What an action asks for and gives, read from its parameters and annotations, once per action.

In: an `Action`. Out: a frozen `Signature`: kind, sections, options, needs, provided type. Next:
`sections.py` compiles the sections, `steps.py` joins the needs.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Union, get_args, get_origin

from core.declare.controller import Action
from core.errors import BadDeclaration, HTTPError
from core.link.linked import SECTIONS, Section, StepKind
from core.source import Source, source_of

_RESERVED = (*SECTIONS, "options", "error")


@dataclass(frozen=True, slots=True)
class Need:
    """A keyword that an earlier step must fill: `optional` when it accepts `None`."""

    name: str
    type: type[Any]
    optional: bool


@dataclass(frozen=True, slots=True)
class Signature:
    """An action's parameters, understood.

    Attributes:
        kind: how it is called.
        sections: section → annotation.
        options: the `Params` of `options`, if it takes any.
        options_default: whether `options` has a default.
        is_error_step: whether it takes `error`.
        needs: its needs, in order.
        provides_optional: whether it may return `None` instead of what it provides.
    """

    kind: StepKind
    sections: Mapping[Section, Any]
    options: type[Any] | None
    options_default: bool
    is_error_step: bool
    needs: tuple[Need, ...]
    provides_optional: bool


def read_kind(function: Callable[..., Any], label: str) -> StepKind:
    """How a function is called.

    Raises:
        BadDeclaration: it is a plain generator.
    """
    if inspect.isasyncgenfunction(function):
        return "around"
    if inspect.isgeneratorfunction(function):
        raise BadDeclaration(
            source_of(function), f"{label} is a plain def with yield", "an around step is an async generator: async def"
        )
    return "async" if inspect.iscoroutinefunction(function) else "sync"


def read_hints(function: Callable[..., Any], label: str) -> Mapping[str, Any]:
    """The resolved annotations of a function.

    Raises:
        BadDeclaration: one of them cannot be resolved.
    """
    try:
        return typing.get_type_hints(function)
    except NameError as error:
        raise BadDeclaration(
            source_of(function),
            f"the annotations of {label} cannot be resolved: {error}",
            "names imported only under TYPE_CHECKING do not exist at run time",
        ) from None
    except (TypeError, SyntaxError, AttributeError) as error:
        message = f"the annotations of {label} cannot be read: {error}"
        raise BadDeclaration(source_of(function), message) from None


def keyword_parameters(function: Callable[..., Any], label: str, first: str) -> Mapping[str, inspect.Parameter]:
    """The keyword-only parameters, after checking the others.

    Args:
        function: the author's function.
        label: what messages call it.
        first: what the one positional parameter should look like: `ctx: Context`.

    Raises:
        BadDeclaration: there is no positional parameter, more than one, or `*args` or `**kwargs`.
    """
    source = source_of(function)
    positional: list[str] = []
    keywords: dict[str, inspect.Parameter] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**"
            hint = "every parameter is named, so that it can be checked"
            raise BadDeclaration(source, f"{label} takes {stars}{name}", hint)
        if parameter.kind is parameter.KEYWORD_ONLY:
            keywords[name] = parameter
        else:
            positional.append(name)
    if not positional:
        raise BadDeclaration(source, f"{label} needs a first parameter", first)
    if len(positional) > 1:
        names = ", ".join(f"'{name}'" for name in positional[1:])
        raise BadDeclaration(source, f"{label}: {names} must be keyword-only", f"put * behind '{positional[0]}'")
    return keywords


def read_signature(action: Action[..., Any], label: str) -> Signature:
    """What an action asks for and gives.

    Args:
        action: the action.
        label: `identity@version.function`.

    Raises:
        BadDeclaration: something about its parameters or annotations breaks the contract.
    """
    kind = read_kind(action.function, label)
    parameters = keyword_parameters(action.function, label, "async def f(ctx: Context, *, …)")
    hints = read_hints(action.function, label)
    for name in parameters:
        if name not in hints and parameters[name].default is inspect.Parameter.empty:
            raise BadDeclaration(action.source, f"{label}: parameter '{name}' needs a type")
    sections = {section: hints[section] for section in SECTIONS if section in parameters and section in hints}
    signature = Signature(
        kind,
        types.MappingProxyType(sections),
        _read_options(hints, parameters, label, action.source),
        "options" in parameters and parameters["options"].default is not inspect.Parameter.empty,
        "error" in parameters,
        tuple(_read_needs(hints, parameters, label, action.source)),
        _read_provides(action, hints.get("return"), kind, label),
    )
    if signature.is_error_step:
        _check_error_step(signature, hints.get("error"), label, action)
    return signature


def _read_options(
    hints: Mapping[str, Any], parameters: Mapping[str, Any], label: str, source: Source
) -> type[Any] | None:
    if "options" not in parameters:
        return None
    annotation: type[Any] = hints.get("options", Any)
    if not is_params(annotation):
        raise BadDeclaration(source, f"{label}: 'options' must be typed with a Params class")
    return annotation


def _read_needs(
    hints: Mapping[str, Any], parameters: Mapping[str, inspect.Parameter], label: str, source: Source
) -> typing.Iterator[Need]:
    for name, parameter in parameters.items():
        if name in _RESERVED or name not in hints:
            continue
        members, optional = split_union(hints[name])
        if any(is_params(part) for member in members for part in (member, *get_args(member))):
            raise BadDeclaration(
                source,
                f"{label}: '{name}' is typed with Params but is no section",
                "sections are named header, query, path, body; options are named options",
            )
        if parameter.default is not inspect.Parameter.empty:
            continue
        if len(members) != 1 or not isinstance(members[0], type):
            raise BadDeclaration(source, f"{label}: the need '{name}' must be a class, or a class | None")
        yield Need(name, members[0], optional)


def _read_provides(action: Action[..., Any], returned: Any, kind: StepKind, label: str) -> bool:
    """Whether the step may return `None` instead of what it provides."""
    if action.provides is None:
        return False
    if not isinstance(action.provides, type):
        raise BadDeclaration(action.source, f"{label}: provides must be a class, not {action.provides!r}")
    if returned is None:
        return False
    if kind == "around" and get_args(returned):
        returned = get_args(returned)[0]
    members, optional = split_union(returned)
    wanted = [member for member in members if isinstance(member, type) and issubclass(member, action.provides)]
    if Any not in members and not wanted:
        name = action.provides.__name__
        raise BadDeclaration(
            action.source,
            f"{label} provides {name} but returns {describe(returned)}",
            f"annotate the result as {name}, {name} | Response or {name} | None",
        )
    return optional


def _check_error_step(signature: Signature, error: Any, label: str, action: Action[..., Any]) -> None:
    if not (isinstance(error, type) and issubclass(HTTPError, error)):
        raise BadDeclaration(action.source, f"{label}: 'error' must be typed HTTPError")
    if signature.kind == "around":
        raise BadDeclaration(action.source, f"{label}: an error step cannot be a generator")
    if signature.sections:
        names = ", ".join(signature.sections)
        raise BadDeclaration(action.source, f"{label}: an error step reads no sections, but takes {names}")
    if action.provides is not None:
        raise BadDeclaration(action.source, f"{label}: an error step provides nothing")
    for need in signature.needs:
        if not need.optional:
            hint = f"write {need.type.__name__} | None"
            message = f"{label}: an error step may run before anything was provided; '{need.name}' must be optional"
            raise BadDeclaration(action.source, message, hint)


def is_params(annotation: Any) -> bool:
    """Whether an annotation is a `Params` class."""
    return isinstance(annotation, type) and hasattr(annotation, "__params__")


def split_union(annotation: Any) -> tuple[tuple[Any, ...], bool]:
    """The members of a union without `None`, and whether `None` was one of them."""
    if get_origin(annotation) not in (Union, types.UnionType):
        return (annotation,), annotation is None or annotation is type(None)
    members = get_args(annotation)
    return tuple(member for member in members if member is not type(None)), type(None) in members


def describe(annotation: Any) -> str:
    """An annotation as authors write it."""
    if isinstance(annotation, type) and not get_args(annotation):
        return "None" if annotation is type(None) else annotation.__name__
    return str(annotation).replace("typing.", "")
