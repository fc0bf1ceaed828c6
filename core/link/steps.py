"""From resolved entries to steps that run: sections, slots, needs and the values that fill them.

In: `ChainStep`s of a route in running order. Out: `LinkedStep`s. Every section and every
provided value gets a slot; a need is the slot of the nearest earlier step that provides its class or a subclass.
The last slot stays empty: an optional need that nothing meets points to it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NamedTuple, get_args, get_origin

from core.declare.controller import Action
from core.declare.route import Body, BodyType, Stream
from core.errors import VALIDATOR_CODES, BadDeclaration, MissingProvider, WireCode
from core.link.chain import ChainStep
from core.link.linked import LinkedSection, LinkedStep, Section, Shape
from core.link.signature import Need, is_params
from core.load.convert import print_type
from core.load.problems import collect
from core.load.registry import Registry
from core.schema.fields import read_fields
from core.schema.params import compile_body, compile_section, header_name
from core.settings import MIB
from core.source import Source

#: what a body annotation demands of the parser; the first is taken where the route names none
_READABLE: Mapping[Shape, tuple[BodyType, ...]] = {
    "object": ("json", "urlencoded", "multipart"),
    "list": ("json",),
    "free": ("json", "urlencoded", "multipart"),
    "raw": ("raw",),
    "text": ("text",),
    "stream": ("stream",),
    "files": ("multipart",),
}


def choose_body(body: Body | None, steps: Iterable[ChainStep], limit_bytes: int, source: Source) -> Body:
    """How a route reads its body: as declared, or else as its steps ask for, up to the server's limit."""
    readers = [(step, step.signature.sections["body"]) for step in steps if "body" in step.signature.sections]
    if any(annotation is Stream for _, annotation in readers) and (body is None or body.type != "none"):
        body = replace(body or Body(limit_bytes=1024 * MIB), type="stream")  # nothing of it is kept
    for step, annotation in readers:
        readable = _READABLE[shape_of(annotation, step.action)]
        body = body or Body(readable[0], limit_bytes)
        if body.type not in readable:
            types = " or ".join(f'"{name}"' for name in readable[:2])
            wants = f"{step.action.label} reads a body of type {print_type(annotation)}"
            message = f"{wants}, but the route reads '{body.type}'"
            raise BadDeclaration(source, message, f"Route(body=Body(type={types}))")
    return body or Body(limit_bytes=limit_bytes)


def shape_of(annotation: Any, action: Action[..., Any]) -> Shape:
    """Which family of bodies an annotation belongs to."""
    if is_params(annotation):
        return "files" if any(field.type.kind == "upload" for field in read_fields(annotation)) else "object"
    if get_origin(annotation) is list and is_params(get_args(annotation)[0]):
        return "list"
    if annotation is dict or (get_origin(annotation) is dict and get_args(annotation)[0] is str):
        return "free"
    plain: dict[Any, Shape] = {bytes: "raw", str: "text", Stream: "stream"}
    if annotation not in plain:
        hint = "a body is a Params class, list[Params], dict[str, Any], bytes, str or Stream"
        message = f"{action.label}: a body cannot be of type {print_type(annotation)}"
        raise BadDeclaration(action.source, message, hint)
    return plain[annotation]


def _link_section(step: ChainStep, section: Section, body: Body, slot: int) -> LinkedSection:
    action, annotation = step.action, step.signature.sections[section]
    if section == "body":
        shape = shape_of(annotation, action)
        if shape in ("raw", "text", "stream"):
            return LinkedSection("body", slot, lambda value, _: value, (), annotation, shape)
        check, fields = compile_body(annotation, text=body.type in ("urlencoded", "multipart"))
        return LinkedSection("body", slot, check, fields, annotation, shape)
    fields = read_fields(annotation, wire_name=header_name if section == "header" else None)
    return LinkedSection(section, slot, compile_section(annotation, section), fields, annotation)


class LinkedChain(NamedTuple):
    """The steps and error steps of a route, and all sections of its steps."""

    steps: tuple[LinkedStep, ...]
    error_steps: tuple[LinkedStep, ...]
    sections: tuple[LinkedSection, ...]


def link_steps(
    steps: Sequence[ChainStep], errors: Sequence[ChainStep], body: Body, identity: str, registry: Registry
) -> LinkedChain:
    """The steps of a route, ready to run.

    Needs of error steps are met by the first step that provides them. `identity` is the route's, for messages.

    Raises:
        ExceptionGroup: of everything that is wrong with any step.
    """
    slots = itertools.count()

    def link_sections(step: ChainStep) -> list[LinkedSection]:
        return collect(lambda name: _link_section(step, name, body, next(slots)), step.signature.sections)

    sections = collect(link_sections, steps)
    provided = [-1 if step.action.provides is None else next(slots) for step in steps]
    empty = next(slots)

    def find_slot(need: Need, order: Iterable[int], *, always: bool = False) -> int:
        return next((provided[at] for at in order if _meets(steps[at], need, always=always)), empty)

    def link_step(index: int) -> LinkedStep:
        step, arguments = steps[index], [(str(section.section), section.slot) for section in sections[index]]
        for need in step.signature.needs:
            slot = find_slot(need, reversed(range(index)), always=not need.optional)
            if slot == empty and not need.optional:
                raise _explain_missing(steps, index, need, identity, registry)
            arguments.append((need.name, slot))
        return _build_step(step, arguments, sections[index], provided[index])

    def link_error_step(step: ChainStep) -> LinkedStep:
        arguments = [(need.name, find_slot(need, range(len(steps)))) for need in step.signature.needs]
        return _build_step(step, arguments, [], -1)

    linked = collect(link_step, range(len(steps)))
    return LinkedChain(tuple(linked), tuple(map(link_error_step, errors)), tuple(itertools.chain(*sections)))


def _build_step(
    step: ChainStep, arguments: Sequence[tuple[str, int]], sections: Sequence[LinkedSection], slot: int
) -> LinkedStep:
    action, signature = step.action, step.signature
    return LinkedStep(action, signature.kind, action.function, tuple(arguments), step.options, tuple(sections), slot)


def _meets(step: ChainStep, need: Need, *, always: bool = False) -> bool:
    provides, sometimes = step.action.provides, step.signature.provides_optional
    return provides is not None and issubclass(provides, need.type) and not (always and sometimes)


def _explain_missing(
    steps: Sequence[ChainStep], index: int, need: Need, identity: str, registry: Registry
) -> MissingProvider:
    wanted = need.type.__name__
    known = [action for controller in registry.all("controller") for action in controller.actions.values()]
    classes = [(action.label, action.provides) for action in known if isinstance(action.provides, type)]
    labels = sorted(label for label, provides in classes if issubclass(provides, need.type))
    hint = f"provided by {', '.join(labels)}" if labels else f"no action has provides={wanted}"
    if any(_meets(step, need) for step in steps[:index]):
        hint = f"an earlier step provides it only sometimes: write {wanted} | None"
    lacks = f"{steps[index].action.label} needs '{need.name}' ({wanted}), which no earlier step"
    return MissingProvider(steps[index].source, f"{lacks} of route '{identity}' provides", hint)


def merge_responses(steps: Iterable[LinkedStep], *, checked: bool, limited: bool) -> Mapping[int, tuple[str, ...]]:
    """Status → wire codes over a chain, with those of core; each code once, statuses in order.

    Source: mia.js lists nine validator codes on 400, `RateLimitExceeded` and `InternalServerError`.
    """
    own: dict[int, tuple[str, ...]] = {
        400: VALIDATOR_CODES if checked else (),
        429: (WireCode.RATE_LIMIT_EXCEEDED,) if limited else (),
        500: (WireCode.INTERNAL_SERVER_ERROR,),
    }
    merged: dict[int, dict[str, None]] = {}
    for responses in (*(step.action.responses for step in steps), own):
        for status, codes in responses.items():
            if codes:
                merged.setdefault(status, {}).update(dict.fromkeys(map(str, codes)))
    return MappingProxyType({status: tuple(merged[status]) for status in sorted(merged)})
