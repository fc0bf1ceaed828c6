"""Indexes of models, with the names that mia.js gave them.

In: `rule(unique=… index=… sparse=… index_options=…)`, `Model(indexes=…, text_indexes=…)`. Out: `IndexSpec`s
in creation order. Next: `data/indexes.py`. Names follow mia's odd rule, so that existing ones are recognised.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import BadDeclaration
from core.schema.fields import Field, FieldType, read_fields

_FIRST_ODD = re.compile(r"[^A-Za-z0-9]")


class Index:
    """An index over several fields.

    Args:
        *fields: stored names; `"-name"` for descending, dotted for nested ones.
        unique: no two documents share these values.
        sparse: documents without these fields are left out.
        name: else made of the fields.
        **options: further options of the database, `expireAfterSeconds` for example.
    """

    __slots__ = ("fields", "name", "options", "sparse", "unique")

    def __init__(
        self, *fields: str, unique: bool = False, sparse: bool = False, name: str | None = None, **options: Any
    ) -> None:
        self.fields = fields
        self.unique = unique
        self.sparse = sparse
        self.name = name
        self.options = options

    def __repr__(self) -> str:
        return f"Index({', '.join(map(repr, self.fields))})"


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """An index as it is created.

    Attributes:
        name: mia's name, or the one given.
        keys: (stored path, 1, -1 or "text").
        options: `unique` and `sparse` always, then those of the author.
    """

    name: str
    keys: tuple[tuple[str, int | str], ...]
    options: Mapping[str, Any] = field(default_factory=dict)


def list_indexes(cls: type[Any]) -> list[IndexSpec]:
    """Single indexes (indexed, then unique-only fields), compound ones, text indexes.

    Raises:
        BadDeclaration: an index names a field that does not exist, or exists twice.
    """
    paths = list(_walk(read_fields(cls), "", ()))
    known = {path for path, _ in paths}
    specs: list[IndexSpec] = []
    wanted = [item for item in paths if item[1].rule.index] + [
        item for item in paths if item[1].rule.unique and not item[1].rule.index
    ]
    for path, declared in wanted:
        if path != "_id":  # has an index anyway, which takes no options
            rule = declared.rule
            options = {"unique": rule.unique, "sparse": rule.sparse, **rule.index_options}
            specs.append(IndexSpec(options.pop("name", None) or _name([path]), ((path, 1),), options))
    specs += [_compound(cls, index, known, None) for index in cls.indexes]
    specs += [_compound(cls, index, known, "text") for index in cls.text_indexes]
    _check_unique(cls, specs)
    return specs


def _walk(fields: tuple[Field, ...], prefix: str, above: tuple[type[Any], ...]) -> Iterator[tuple[str, Field]]:
    """Every stored path; those inside lists count with the path of the list, as in MongoDB."""
    for declared in fields:
        path = prefix + declared.wire
        yield path, declared
        kind: FieldType | None = declared.type
        while kind is not None and kind.kind == "list":
            kind = kind.item
        if kind is not None and kind.params is not None and kind.params not in above:
            yield from _walk(read_fields(kind.params), f"{path}.", (*above, kind.params))


def _name(paths: list[str]) -> str:
    """Mia's rule: the first character of each path that is neither letter nor digit is removed."""
    return "".join(_FIRST_ODD.sub("", path, count=1) for path in paths)


def _compound(cls: type[Any], index: Index, known: set[str], direction: str | None) -> IndexSpec:
    keys: list[tuple[str, int | str]] = []
    for name in index.fields:
        path, order = (name[1:], -1) if name[:1] == "-" else (name, 1)
        if not _is_known(path, known):
            close = difflib.get_close_matches(path, known, 1)
            hint = f"did you mean '{close[0]}'" if close else ""
            raise BadDeclaration(cls.source, f"{index!r} of {cls.__name__}: no field is stored as '{path}'", hint)
        keys.append((path, direction or order))
    if not keys:
        raise BadDeclaration(cls.source, f"an index of {cls.__name__} names no field")
    options = {"unique": index.unique, "sparse": index.sparse, **index.options}
    return IndexSpec(index.name or _name([path for path, _ in keys]), tuple(keys), options)


def _is_known(path: str, known: set[str]) -> bool:
    """Declared, or below something declared (a free-form object); `$**` is MongoDB's own."""
    return path == "$**" or path in known or any(path.startswith(f"{name}.") for name in known)


def _check_unique(cls: type[Any], specs: list[IndexSpec]) -> None:
    for position, spec in enumerate(specs):
        for other in specs[:position]:
            if other.keys == spec.keys or other.name == spec.name:
                fields = ", ".join(path for path, _ in spec.keys)
                raise BadDeclaration(cls.source, f"{cls.__name__} declares the index '{spec.name}' over {fields} twice")
