"""Options of chain entries: checked once, at link time, at the line of the `use(...)`.

In: a resolved entry. Out: the keyword arguments that are fixed for this step.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from core.errors import BadDeclaration, ErrorItem
from core.link.chain import ChainStep
from core.load.suggest import did_you_mean, list_known
from core.schema.fields import read_fields
from core.schema.params import compile_section, given

_NONE: Mapping[str, Any] = MappingProxyType({})


def check_options(step: ChainStep) -> Mapping[str, Any]:
    """`{"options": …}` for an action that takes options, else nothing.

    Raises:
        BadDeclaration: options are given to an action that takes none, or break the rules of those it takes.
    """
    cls = step.signature.options
    if cls is None:
        if step.options is not None:
            raise BadDeclaration(
                step.source, f"{step.label} takes no options", "it would need a keyword-only parameter 'options'"
            )
        return _NONE
    if step.options is None and step.signature.options_default:
        return _NONE
    return MappingProxyType({"options": _check(cls, step)})


def _check(cls: type[Any], step: ChainStep) -> Any:
    raw = step.options if step.options is not None else {}
    if isinstance(raw, cls):
        raw = given(raw)
    if not isinstance(raw, Mapping):
        raise BadDeclaration(step.source, f"the options of {step.label} must be a dict or {cls.__name__}, not {raw!r}")
    fields = {field.wire: field for field in read_fields(cls)}
    python_names = {field.name: field.wire for field in fields.values()}
    values = {python_names.get(name, name): value for name, value in raw.items()}
    for name in values:
        if name not in fields:
            hint = did_you_mean(str(name), fields) or list_known(fields, none="it has none")
            raise BadDeclaration(step.source, f"{step.label} has no option '{name}'", hint)
    errors: list[ErrorItem] = []
    checked = compile_section(cls, "body")(values, errors)
    if errors:
        what = "; ".join(item.msg or f"{item.id}: {item.code}" for item in errors)
        raise BadDeclaration(step.source, f"the options of {step.label} are wrong: {what}")
    return checked
