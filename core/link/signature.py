"""What an action asks for and gives, read from its parameters and annotations, once per action.

In: an `Action`. Out: a frozen `Signature`: kind, sections, options, needs, provided type. Next: `chain.py`.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from core.declare.controller import Action
from core.errors import BadDeclaration, HTTPError
from core.link.linked import SECTIONS, Section, StepKind
from core.load.convert import members, print_type
from core.schema.fields import read_fields
from core.source import source_of

_RESERVED = (*SECTIONS, "options", "error")
_EMPTY = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Need:
    """A keyword that an earlier step must fill: `optional` when it accepts `None`."""

    name: str
    type: type[Any]
    optional: bool


@dataclass(frozen=True, slots=True)
class Signature:
    """An action's parameters, understood; `sections` in the order of `SECTIONS`, `options` the `Params` it takes.

    `options_default`: whether they may be left out. `provides_optional`: whether it may return `None` instead.
    """

    kind: StepKind
    sections: Mapping[Section, Any]
    options: type[Any] | None
    options_default: bool
    is_error_step: bool
    needs: tuple[Need, ...]
    provides_optional: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """A function of an author: how it is called, its keyword-only parameters and its resolved annotations."""

    kind: StepKind
    parameters: Mapping[str, inspect.Parameter]
    hints: Mapping[str, Any]

    def demands(self, name: str) -> bool:
        """Whether the parameter has no default."""
        return self.parameters[name].default is _EMPTY


def read_function(function: Callable[..., Any], label: str, shape: str) -> Reading:
    """How a function is called and what it takes beside its first parameter.

    `label` is what messages call it, `shape` what it should look like: `async def f(job: Job)`.
    """
    source = source_of(function)
    if inspect.isgeneratorfunction(function):
        hint = "an around step is an async generator: async def"
        raise BadDeclaration(source, f"{label} is a plain def with yield", hint)
    parameters = list(inspect.signature(function).parameters.values())
    keywords = {one.name: one for one in parameters if one.kind is one.KEYWORD_ONLY or one.name == "error"}
    others = [parameter for parameter in parameters if parameter.name not in keywords]
    if not others or others[0].kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
        raise BadDeclaration(source, f"{label} needs a first parameter", shape)
    if len(others) > 1:
        name = others[1].replace(annotation=_EMPTY, default=_EMPTY)
        raise BadDeclaration(source, f"{label}: '{name}' must be a named keyword", shape)
    try:
        hints = typing.get_type_hints(function)
    except (NameError, TypeError, SyntaxError, AttributeError) as error:
        hint = "names imported only under TYPE_CHECKING do not exist at run time"
        message = f"the annotations of {label} cannot be resolved: {error}"
        raise BadDeclaration(source, message, hint if isinstance(error, NameError) else "") from None
    around = inspect.isasyncgenfunction(function)
    kind: StepKind = "around" if around else "async" if inspect.iscoroutinefunction(function) else "sync"
    return Reading(kind, keywords, hints)


def read_signature(action: Action[..., Any]) -> Signature:
    """What an action asks for and gives."""
    reading = read_function(action.function, action.label, "async def f(ctx: Context, *, …)")
    hints, parameters = reading.hints, reading.parameters
    for name in parameters:
        if name not in hints and (name in SECTIONS or reading.demands(name)):
            raise BadDeclaration(action.source, f"{action.label}: parameter '{name}' needs a type")
    for status in action.responses:
        if type(status) is not int or not 200 <= status < 600:
            raise BadDeclaration(action.source, f"{action.label}: a response cannot have the status {status!r}")
    sections = {name: hints[name] for name in SECTIONS if name in parameters}
    for section, annotation in sections.items():
        if is_params(annotation):
            read_fields(annotation)  # what is wrong with it is wrong in actions that no route uses, too
        elif section != "body":
            what = f"'{section}' must be typed with a Params class, not {print_type(annotation)}"
            raise BadDeclaration(action.source, f"{action.label}: {what}")
    if "options" in parameters and not is_params(hints.get("options")):
        raise BadDeclaration(action.source, f"{action.label}: 'options' must be typed with a Params class")
    signature = Signature(
        reading.kind,
        types.MappingProxyType(sections),
        hints["options"] if "options" in parameters else None,
        "options" in parameters and not reading.demands("options"),
        "error" in parameters,
        tuple(_read_needs(reading, action)),
        _read_provides(action, hints.get("return"), reading.kind),
    )
    if signature.is_error_step:
        _check_error_step(signature, hints.get("error"), action)
    return signature


def _read_needs(reading: Reading, action: Action[..., Any]) -> Iterator[Need]:
    for name in reading.parameters:
        if name in _RESERVED or name not in reading.hints:
            continue
        types_, optional = split_union(reading.hints[name])
        if any(is_params(part) for member in types_ for part in (member, *get_args(member))):
            message = f"{action.label}: '{name}' is typed with Params but is no section"
            hint = "sections are named header, query, path, body; options are named options"
            raise BadDeclaration(action.source, message, hint)
        if reading.demands(name):
            if len(types_) != 1 or not isinstance(types_[0], type):
                message = f"{action.label}: the need '{name}' must be a class, or a class | None"
                raise BadDeclaration(action.source, message)
            yield Need(name, types_[0], optional)


def _read_provides(action: Action[..., Any], returned: Any, kind: StepKind) -> bool:
    """Whether the step may return `None` instead of what it provides."""
    provides = action.provides
    if provides is None:
        return False
    if not isinstance(provides, type):
        raise BadDeclaration(action.source, f"{action.label}: provides must be a class, not {provides!r}")
    if returned is None:
        return False
    types_, optional = split_union(get_args(returned)[0] if kind == "around" and get_args(returned) else returned)
    if not any(member is Any or (isinstance(member, type) and issubclass(member, provides)) for member in types_):
        name = provides.__name__
        message = f"{action.label} provides {name} but returns {print_type(returned)}"
        hint = f"annotate the result as {name}, {name} | Response or {name} | None"
        raise BadDeclaration(action.source, message, hint)
    return optional


def _check_error_step(signature: Signature, error: Any, action: Action[..., Any]) -> None:
    needs = ", ".join(f"'{need.name}'" for need in signature.needs if not need.optional)
    wrong = {
        "'error' must be typed HTTPError": not (isinstance(error, type) and issubclass(HTTPError, error)),
        "an error step cannot be a generator": signature.kind == "around",
        f"an error step reads no sections, but takes {', '.join(signature.sections)}": bool(signature.sections),
        "an error step provides nothing": action.provides is not None,
        f"an error step may run before anything was provided; {needs} must be optional": bool(needs),
    }
    for message, holds in wrong.items():
        if holds:
            raise BadDeclaration(action.source, f"{action.label}: {message}")


def is_params(annotation: Any) -> bool:
    """Whether an annotation is a `Params` class."""
    return isinstance(annotation, type) and hasattr(annotation, "__params__")


def split_union(annotation: Any) -> tuple[tuple[Any, ...], bool]:
    """The members of a union without `None`, and whether `None` was one of them."""
    found = members(annotation)
    others = tuple(member for member in found if member is not type(None))
    return others, len(others) < len(found)
