"""Paths of updates: which field, element or free-form place a dotted name means, and the check there.

In: a model and `items.$[x].name`. Out: a `Target`. Next: `update.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from core.errors import WireCode
from core.schema.coerce import Check
from core.schema.compiler import compile_field, compile_type, unknown_field
from core.schema.fields import Field, FieldType, own_cache, read_fields
from core.schema.refused import Refused, refuse
from core.schema.rules import Rule
from core.schema.stored import check_stored, is_storable_key

_POSITION: Final = re.compile(r"[0-9]{1,9}|\$|\$\[[A-Za-z0-9]*\]")
_ANY: Final = FieldType("any", "any")
_MOST_CACHED: Final = 1000  # free-form names make any number of paths


@dataclass(frozen=True, slots=True)
class Target:
    """A place in a document.

    Attributes:
        kind, rule: what is declared there; `any` within free-form values.
        check: of a value to be stored there.
        required: whether it must stay: a required field, or an element of a list.
    """

    kind: FieldType
    rule: Rule
    check: Check
    required: bool

    @property
    def is_free(self) -> bool:
        """Whether anything may be stored here."""
        return self.kind.kind == "any"

    @property
    def is_number(self) -> bool:
        """Whether it can be counted with."""
        whole = self.kind.format is not None and self.kind.format.json_type == "integer"
        return whole or self.kind.kind in ("integer", "number", "any")

    def element(self) -> Target:
        """The target of the elements of a list.

        Raises:
            Refused: it is no list.
        """
        if self.is_free:
            return _FREE
        if self.kind.item is None:
            raise refuse(WireCode.UNEXPECTED_TYPE, f" is no list but {self.kind.name}")
        rule = self.kind.item_rule or self.rule
        return Target(self.kind.item, rule, compile_type(self.kind.item, rule, "model"), required=True)


_FREE: Final = Target(_ANY, Rule(), check_stored, required=False)


def find_target(cls: type[Any], path: str) -> Target:
    """What a dotted name of an update means.

    Raises:
        Refused: nothing of that name is declared.
    """
    cache = own_cache(cls, "__targets__")
    if path not in cache:
        if len(cache) >= _MOST_CACHED:
            cache.clear()
        cache[path] = _walk(cls, path)
    target: Target = cache[path]
    return target


def _walk(cls: type[Any], path: str) -> Target:
    inside: type[Any] | None = cls
    target = _FREE
    for part in path.split("."):
        if inside is not None:
            field = next((field for field in read_fields(inside) if field.wire == part), None)
            if field is None:
                raise Refused([unknown_field("")])
            target = _of_field(field)
        elif target.kind.kind == "list" and _POSITION.fullmatch(part):
            target = target.element()
        elif target.kind.kind in ("any", "map") and (is_storable_key(part) or _POSITION.fullmatch(part)):
            target = _FREE
        else:
            raise Refused([unknown_field("")])
        inside = target.kind.params
    return target


def _of_field(field: Field) -> Target:
    kind = _ANY if field.rule.extend else field.type  # what is below depends on the value
    return Target(kind, field.rule, compile_field(field, "model"), field.required)
