"""Indexes of models, with the names that mia.js gave them.

In: `rule(unique=… index=… sparse=… index_options=…)`, `Model(indexes=…, text_indexes=…)`. Out: `IndexSpec`s
in creation order. Next: `data/indexes.py`. Names follow mia's odd rule, so that existing ones are recognised.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import BadDeclaration
from core.schema.fields import Field, FieldType, read_fields


class Index:
    """An index over several fields.

    Args:
        *fields: stored names; `"-name"` for descending, dotted for nested ones.
        unique: no two documents share these values.
        sparse: documents without these fields are left out.
        name: else made of the fields.
        **options: further options of the database, `expireAfterSeconds` for example.
    """

    def __init__(
        self, *fields: str, unique: bool = False, sparse: bool = False, name: str | None = None, **options: Any
    ) -> None:
        self.fields, self.name = fields, name
        self.options = {"unique": unique, "sparse": sparse, **options}

    def __repr__(self) -> str:
        return f"Index({', '.join(map(repr, self.fields))})"


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """An index as it is created: keys are (stored path, 1, -1 or "text"), options always hold `unique` and `sparse`."""

    name: str
    keys: tuple[tuple[str, int | str], ...]
    options: Mapping[str, Any] = field(default_factory=dict)


def build_indexes(cls: type[Any]) -> list[IndexSpec]:
    """Single indexes (indexed, then unique-only fields), compound ones, text indexes; wrong ones are refused."""
    paths = dict(_walk(read_fields(cls), "", ()))
    del paths["_id"]  # has an index anyway, which takes no options
    wanted = [(path, found.rule) for path, found in paths.items() if found.rule.index]
    wanted += [(path, found.rule) for path, found in paths.items() if found.rule.unique and not found.rule.index]
    specs = []
    for path, rule in wanted:
        options = {"unique": rule.unique, "sparse": rule.sparse, **rule.index_options}
        specs.append(IndexSpec(options.pop("name", None) or _name(path), ((path, 1),), options))
    specs += [_compound(cls, index, {"_id", *paths}, None) for index in cls.indexes]
    specs += [_compound(cls, index, {"_id", *paths}, "text") for index in cls.text_indexes]
    for position, spec in enumerate(specs):
        if any(other.keys == spec.keys or other.name == spec.name for other in specs[:position]):
            fields = ", ".join(path for path, _ in spec.keys)
            raise BadDeclaration(cls.source, f"{cls.__name__} declares the index '{spec.name}' over {fields} twice")
    return specs


def _walk(fields: tuple[Field, ...], prefix: str, above: tuple[type[Any], ...]) -> Iterator[tuple[str, Field]]:
    """Every stored path; those inside lists count with the path of the list, as in MongoDB."""
    for declared in fields:
        yield prefix + declared.wire, declared
        kind: FieldType = declared.type
        while kind.item is not None:
            kind = kind.item
        if kind.params is not None and kind.params not in above:
            yield from _walk(kind.fields, f"{prefix}{declared.wire}.", (*above, kind.params))


def _name(*paths: str) -> str:
    """Mia's rule: the first character of each path that is neither letter nor digit is removed."""
    return "".join(re.sub(r"[^A-Za-z0-9]", "", path, count=1) for path in paths)


def _compound(cls: type[Any], index: Index, known: set[str], direction: str | None) -> IndexSpec:
    keys = tuple((name.lstrip("-"), direction or (-1 if name[:1] == "-" else 1)) for name in index.fields)
    if not keys:
        raise BadDeclaration(cls.source, f"an index of {cls.__name__} names no field")
    for path, _ in keys:
        if path != "$**" and path not in known and not any(path.startswith(f"{name}.") for name in known):
            raise BadDeclaration(cls.source, f"{index!r} of {cls.__name__}: no field is stored as '{path}'")
    return IndexSpec(index.name or _name(*(path for path, _ in keys)), keys, index.options)
