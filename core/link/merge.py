"""The parameters of a whole chain, merged per section and name for docs, listings and the overflow check.

In: the sections of every step. Out: section → wire name → field. Two steps may read the same field when
their declarations agree; nothing that was declared is changed (mia.js merged in place).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from core.errors import PreconditionConflict
from core.link.linked import LinkedSection, Section
from core.load.loader import Loaded
from core.schema.fields import MISSING, Field
from core.schema.merge import find_conflict
from core.schema.rules import Rule

_EMPTY = Rule()


def merge_parameters(
    sections: Iterable[tuple[str, LinkedSection]], loaded: Loaded
) -> Mapping[Section, Mapping[str, Field]]:
    """Every parameter of a chain.

    Args:
        sections: with the label of their step, in chain order.
        loaded: names files relative to its root.

    Raises:
        PreconditionConflict: two steps declare a parameter differently; names both places.
    """
    merged: dict[Section, dict[str, tuple[str, Field]]] = {}
    for label, section in sections:
        known = merged.setdefault(section.section, {})
        for field in section.fields:
            first = known.get(field.wire)
            if first is None:
                known[field.wire] = (label, field)
                continue
            conflict = find_conflict(first[1], field)
            if conflict is not None:
                raise PreconditionConflict(
                    field.source,
                    f"{section.section} field '{field.wire}' of {label} and of {first[0]}"
                    f" at {loaded.relative(first[1].source)} differ in '{conflict}'",
                    "declare it alike in both, or in one of them only",
                )
            known[field.wire] = (first[0], merge_field(first[1], field))
    return MappingProxyType(
        {
            section: MappingProxyType({name: field for name, (_, field) in fields.items()})
            for section, fields in merged.items()
        }
    )


def merge_field(first: Field, second: Field) -> Field:
    """Both demands as one: what the first leaves open is taken from the second."""
    if first == second:
        return first
    return dataclasses.replace(
        first,
        type=second.type if first.type.kind == "any" else first.type,
        rule=_merge_rule(first.rule, second.rule),
        default=second.default if first.default is MISSING else first.default,
        nullable=first.nullable and second.nullable,
        required=first.required or second.required,
    )


def _merge_rule(first: Rule, second: Rule) -> Rule:
    missing: dict[str, Any] = {
        item.name: getattr(second, item.name)
        for item in dataclasses.fields(Rule)
        if getattr(first, item.name) == getattr(_EMPTY, item.name)
    }
    return dataclasses.replace(first, **missing)
