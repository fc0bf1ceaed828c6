"""Sections of steps: the parts of a request they read, compiled to checks, and how the body must be read.

In: the annotations of a signature. Out: `LinkedSection`s, and the `Body` of a route. Next: `steps.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, get_args, get_origin

from core.declare.route import Body, BodyType
from core.errors import BadDeclaration
from core.link.chain import ChainStep
from core.link.checks import is_over
from core.link.linked import LinkedSection, Section
from core.link.signature import describe, is_params
from core.load.suggest import did_you_mean
from core.schema.fields import Stream, read_fields
from core.schema.params import compile_body, compile_section, header_name
from core.source import Source

Shape = Literal["object", "list", "free", "raw", "text", "stream", "files"]

#: what a body annotation demands of the parser; the first is taken where the route names none
_READABLE: Mapping[Shape, tuple[BodyType, ...]] = {
    "object": ("json", "urlencoded", "multipart"),
    "list": ("json",),
    "free": ("json", "urlencoded", "multipart"),
    "raw": ("raw",),
    "text": ("text",),
    "stream": ("raw", "text", "json", "urlencoded", "multipart"),
    "files": ("multipart",),
}
_BODY_TYPES: tuple[BodyType, ...] = ("json", "urlencoded", "text", "raw", "multipart", "none")
_BODY_HINT = "a body is a Params class, list[Params], dict[str, Any], bytes, str or Stream"


def choose_body(declared: Body | None, steps: Iterable[ChainStep], limit_bytes: int, source: Source) -> Body:
    """How a route reads its body: as declared, or else as its steps ask for.

    Args:
        declared: of route or file.
        steps: of the route.
        limit_bytes: the server's limit, where none is declared.
        source: of the route.

    Raises:
        BadDeclaration: a step cannot read what the parser gives.
    """
    if declared is not None and not (declared.type in _BODY_TYPES and is_over(declared.limit_bytes, 0)):
        raise BadDeclaration(
            source, f"{declared} is no way to read a body", f"types are {', '.join(_BODY_TYPES)}; the limit is in bytes"
        )
    body = declared
    for step in steps:
        if "body" in step.signature.sections:
            shape = shape_of(step.signature.sections["body"], step)
            body = body or Body(_READABLE[shape][0], limit_bytes)
            if body.type not in _READABLE[shape]:
                raise _refuse_body(step, shape, body, source)
    return body or Body(limit_bytes=limit_bytes)


def _refuse_body(step: ChainStep, shape: Shape, body: Body, source: Source) -> BadDeclaration:
    wants = describe(step.signature.sections["body"])
    wants = f"{wants} with uploads" if shape == "files" else wants
    types = " or ".join(f'"{name}"' for name in _READABLE[shape][:2])
    return BadDeclaration(
        source,
        f"{step.label} reads a body of type {wants}, but the route reads '{body.type}'",
        f"Route(body=Body(type={types}))",
    )


def shape_of(annotation: Any, step: ChainStep) -> Shape:
    """Which family of bodies an annotation belongs to: a key of `_READABLE`.

    Raises:
        BadDeclaration: to none.
    """
    if is_params(annotation):
        uploads = any(field.type.kind == "upload" for field in read_fields(annotation))
        return "files" if uploads else "object"
    if get_origin(annotation) is list and is_params(get_args(annotation)[0]):
        return "list"
    if annotation is dict or (get_origin(annotation) is dict and get_args(annotation)[0] is str):
        return "free"
    if isinstance(annotation, type):
        if issubclass(annotation, bytes):
            return "raw"
        if issubclass(annotation, str):
            return "text"
        if issubclass(annotation, Stream):
            return "stream"
    raise BadDeclaration(
        step.action.source, f"{step.label}: a body cannot be of type {describe(annotation)}", _BODY_HINT
    )


class SectionCompiler:
    """Compiles each section class once per way of reading it."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, str, bool], LinkedSection] = {}

    def compile(self, step: ChainStep, section: Section, body: Body, slot: int) -> LinkedSection:
        """One section of one step.

        Args:
            step: the step that reads it.
            section: which part of the request.
            body: how the route reads its body.
            slot: where the checked value goes.

        Raises:
            BadDeclaration: its annotation breaks the contract.
        """
        annotation = step.signature.sections[section]
        text = body.type in ("urlencoded", "multipart")
        key = (annotation, section, text)
        if key not in self._known:
            if section == "body":
                self._known[key] = _compile_body(step, annotation, text=text)
            else:
                self._known[key] = _compile_text(step, section, annotation)
        return replace(self._known[key], slot=slot)


def _compile_text(step: ChainStep, section: Section, annotation: Any) -> LinkedSection:
    if not is_params(annotation):
        message = f"{step.label}: '{section}' must be typed with a Params class, not {describe(annotation)}"
        raise BadDeclaration(step.action.source, message)
    fields = read_fields(annotation, wire_name=header_name if section == "header" else None)
    return LinkedSection(section, 0, compile_section(annotation, section), fields, False, annotation)


def _compile_body(step: ChainStep, annotation: Any, *, text: bool) -> LinkedSection:
    shape = shape_of(annotation, step)
    if shape == "raw" or shape == "text" or shape == "stream":  # noqa: PLR1714  mypy narrows only this
        return LinkedSection("body", 0, _hand_over, (), True, annotation, shape)
    check, fields, schema_of, open_ = compile_body(annotation, text=text)
    return LinkedSection("body", 0, check, fields, open_, annotation, schema_of)


def _hand_over(value: Any, _errors: list[Any]) -> Any:
    return value


def check_path_fields(sections: Sequence[LinkedSection], names: Iterable[str], pattern: str, identity: str) -> None:
    """Refuse path fields that no variable of the url fills.

    Raises:
        BadDeclaration: there is one; it is at the line of the field.
    """
    known = set(names)
    for section in sections:
        for field in section.fields if section.section == "path" else ():
            if field.wire not in known:
                message = f"path field '{field.wire}' is no variable of '{pattern}' (route '{identity}')"
                raise BadDeclaration(field.source, message, did_you_mean(field.wire, known))
