"""Documents: `Model`, and checks of what is stored.

In: an annotated class with class keywords. Out: documents under stored names and back, checks of documents.
Updates are in `update.py`, indexes in `indexes.py`. Before: `compiler.py`. Next: `data/collection.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, dataclass_transform

from core.errors import BadDeclaration, ModelError
from core.schema.compiler import compile_object
from core.schema.fields import read_fields as model_fields
from core.schema.formats import ObjectId
from core.schema.indexes import Index, build_indexes
from core.schema.record import Record
from core.schema.record import dump_object as to_document
from core.schema.record import load_record as from_document
from core.schema.refused import Refused, to_items
from core.schema.rules import factory, rule
from core.schema.stored import is_storable_key
from core.schema.update import check_update
from core.source import caller_source

__all__ = [
    "Index", "Model", "build_indexes", "check_document", "check_model", "check_update", "collection_name",
    "from_document", "model_fields", "to_document",
]  # fmt: skip


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
        cls.collection, cls.database = collection, database
        cls.shard_key = (shard_key,) if isinstance(shard_key, str) else tuple(shard_key)
        cls.indexes, cls.text_indexes = tuple(indexes), tuple(text_indexes)
        cls.collection_options = dict(collection_options or {})
        cls.source = caller_source()

    @staticmethod
    def __wire_name__(name: str) -> str:
        """The stored name of a Python name: `oid` is `_id`, every other is itself."""
        return "_id" if name == "oid" else name


def collection_name(cls: type[Model]) -> str:
    """The name of the collection."""
    return cls.collection or cls.identity


def check_document(cls: type[Model], document: Mapping[str, Any]) -> dict[str, Any]:
    """A whole document as it may be stored: defaults filled in, values converted; `ModelError` lists what is wrong."""
    try:
        checked: dict[str, Any] = compile_object(cls, "model")(document)
    except Refused as refused:
        raise ModelError(list(to_items(refused.problems, section=cls.__name__))) from None
    return checked


def check_model(cls: type[Model]) -> None:
    """Everything that can be wrong with a model, found when it is loaded: `BadDeclaration` at the line of the field."""
    for field in model_fields(cls):
        if not is_storable_key(field.wire):
            raise BadDeclaration(field.source, f"'{field.wire}' is no name that a document may use")
    compile_object(cls, "model")
    build_indexes(cls)
