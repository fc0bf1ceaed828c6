"""Documents: `Model`, checks of what is stored, and indexes, with the names that mia.js gave them.

In: an annotated class with class keywords. Out: documents under stored names and back, checks of documents, and
`IndexSpec`s in creation order; their names follow mia's odd rule, so that existing ones are recognised. Updates are in
`update.py`. Before: `compiler.py`. Next: `data/`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, dataclass_transform

from core.errors import BadDeclaration, ModelError
from core.schema.compiler import compile_object
from core.schema.fields import read_fields, walk_fields
from core.schema.formats import ObjectId
from core.schema.record import Record
from core.schema.refused import Refused, to_items
from core.schema.rules import factory, rule
from core.schema.stored import is_storable_key
from core.source import caller_source


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


@dataclass_transform(kw_only_default=True)
class Model(Record):
    """Base of what is stored in MongoDB: annotated fields with `rule(...)`.

    Class keywords:
        identity, version: what controllers and listings call it.
        disabled: declared, but not loaded.
        collection: name of the collection; the identity if empty.
        database: key of the settings' `databases`; the default one if empty.
        shard_key: stored names that every filter must hold.
        indexes, text_indexes: of several fields; single ones are rules of their field.
        collection_options: for creating the collection.

    The constructor takes every field by keyword, applies defaults and checks nothing; writing does.
    """

    __slots__ = ()
    __model__: ClassVar[bool] = True
    __reserved__: ClassVar[frozenset[str]] = frozenset(
        {"identity", "version", "disabled", "collection", "database", "shard_key", "indexes", "text_indexes"}
        | {"collection_options", "source"}
    )
    identity: ClassVar[str]
    version: ClassVar[str]
    disabled: ClassVar[bool]
    collection: ClassVar[str]
    database: ClassVar[str]
    shard_key: ClassVar[tuple[str, ...]]
    indexes: ClassVar[tuple[Index, ...]]
    text_indexes: ClassVar[tuple[Index, ...]]
    collection_options: ClassVar[Mapping[str, Any]]

    oid: Annotated[Any, rule("Id of the document", name="_id")] = factory(ObjectId)

    def __init_subclass__(
        cls,
        *,
        identity: str = "",
        version: str = "1.0",
        disabled: bool = False,
        collection: str = "",
        database: str = "",
        shard_key: Sequence[str] | str = (),
        indexes: Sequence[Index] = (),
        text_indexes: Sequence[Index] = (),
        collection_options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init_subclass__()
        cls.identity, cls.version, cls.disabled = identity, version, disabled
        cls.collection, cls.database = collection or identity, database
        cls.shard_key = (shard_key,) if isinstance(shard_key, str) else tuple(shard_key)
        cls.indexes, cls.text_indexes = tuple(indexes), tuple(text_indexes)
        cls.collection_options = dict(collection_options or {})
        cls.source = caller_source()

    @staticmethod
    def __wire_name__(name: str, given: str | None) -> str:
        """The stored name of a field: `oid` is `_id`, every other is itself."""
        return given or ("_id" if name == "oid" else name)


def check_document(cls: type[Model], document: Mapping[str, Any]) -> dict[str, Any]:
    """A whole document as it may be stored: defaults filled in, values converted; `ModelError` lists what is wrong."""
    try:
        checked: dict[str, Any] = compile_object(cls, "model")(document)
    except Refused as refused:
        raise ModelError(list(to_items(refused.problems, section=cls.__name__))) from None
    return checked


def check_model(cls: type[Model]) -> None:
    """Everything that can be wrong with a model, found when it is loaded: `BadDeclaration` at the line of the field."""
    for declared in read_fields(cls):
        if not is_storable_key(declared.wire):
            raise BadDeclaration(declared.source, f"'{declared.wire}' is no name that a document may use")
    compile_object(cls, "model")
    build_indexes(cls)
    if unknown := set(cls.shard_key) - {path for path, _ in walk_fields(read_fields(cls))}:
        raise BadDeclaration(cls.source, f"the shard key of {cls.__name__}: no field is stored as '{min(unknown)}'")


def build_indexes(cls: type[Any]) -> list[IndexSpec]:
    """Single indexes (indexed, then unique-only fields), compound ones, text indexes; wrong ones are refused."""
    paths = dict(walk_fields(read_fields(cls)))
    del paths["_id"]  # has an index anyway, which takes no options
    wanted = [(path, found.rule) for path, found in paths.items() if found.rule.index]
    wanted += [(path, found.rule) for path, found in paths.items() if found.rule.unique and not found.rule.index]
    specs = []
    for path, about in wanted:
        options = {"unique": about.unique, "sparse": about.sparse, **about.index_options}
        specs.append(IndexSpec(options.pop("name", None) or _name(path), ((path, 1),), options))
    specs += [_compound(cls, index, {"_id", *paths}, None) for index in cls.indexes]
    specs += [_compound(cls, index, {"_id", *paths}, "text") for index in cls.text_indexes]
    for position, spec in enumerate(specs):
        if any(other.keys == spec.keys or other.name == spec.name for other in specs[:position]):
            fields = ", ".join(path for path, _ in spec.keys)
            raise BadDeclaration(cls.source, f"{cls.__name__} declares the index '{spec.name}' over {fields} twice")
    return specs


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
