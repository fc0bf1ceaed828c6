"""A MongoDB in memory for unit tests: the parts of the async driver that `Collection` uses, over mongomock.

In: what `Collection` would send to the driver. Out: what the driver would give back, or `NotSupported` where
the double is known to answer wrongly (`$expr`, `$$NOW`, transactions, change streams). Every value passes
through BSON like on its way to a server, so what cannot be stored fails here, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Final, TypeVar

import bson
from bson.codec_options import CodecOptions
from pymongo.errors import BulkWriteError, CollectionInvalid, DuplicateKeyError
from pymongo.results import BulkWriteResult

from core.data.bulk import DeleteMany, DeleteOne, InsertOne, Operation, ReplaceOne, UpdateMany, UpdateOne
from core.data.errors import NotSupported
from core.errors import ConfigError

T = TypeVar("T")
_CODEC: Final[CodecOptions[dict[str, Any]]] = CodecOptions(tz_aware=True, uuid_representation=4)
_IGNORED: Final = ("session", "maxTimeMS", "max_time_ms", "batch_size")


class MemoryClient:
    """Stands in for `AsyncMongoClient`. Nothing is kept when it is closed.

    Raises:
        ConfigError: neither mongomock-ng nor mongomock is installed.
    """

    def __init__(self) -> None:
        self._client = _import_double().MongoClient(tz_aware=True, uuidRepresentation="standard")

    def __getitem__(self, name: str) -> MemoryDatabase:
        return MemoryDatabase(self, self._client[name])

    def get_default_database(self, default: str) -> MemoryDatabase:
        """The database of this name: there is no address that could name another."""
        return self[default]

    @property
    def admin(self) -> MemoryDatabase:
        """The database that answers `hello`."""
        return self["admin"]

    async def close(self) -> None:
        """Nothing to do."""


class MemoryDatabase:
    """Stands in for `AsyncDatabase`."""

    def __init__(self, client: MemoryClient, double: Any) -> None:
        self.client = client
        self.name: str = double.name
        self._double = double

    def __getitem__(self, name: str) -> MemoryCollection:
        return MemoryCollection(self, self._double[name])

    async def command(self, command: str) -> dict[str, Any]:
        """Only `hello` and `ping`."""
        if command not in ("hello", "ping"):
            raise NotSupported(f"the in-memory database has no command '{command}'")
        return {"ok": 1.0, "isWritablePrimary": True}

    async def list_collection_names(self) -> list[str]:
        """The collections that exist."""
        return list(self._double.list_collection_names())

    async def create_collection(self, name: str, **_: Any) -> MemoryCollection:
        """Make an empty collection; options are ignored."""
        if name in self._double.list_collection_names():
            raise CollectionInvalid(f"collection {name} already exists")
        self._double.create_collection(name)
        return self[name]


class MemoryCursor:
    """Stands in for the cursors of `find`, `aggregate` and `list_indexes`."""

    def __init__(self, documents: Callable[[], Any]) -> None:
        self._make = documents
        self._rest: Any = None

    async def to_list(self, length: int | None = None) -> list[dict[str, Any]]:
        """The next `length` documents, or all that are left."""
        if self._rest is None:
            self._rest = iter(self._make())
        taken = []
        for document in self._rest:
            taken.append(_through_bson(document))
            if length is not None and len(taken) == length:
                break
        return taken

    async def close(self) -> None:
        """Nothing to do."""


class MemoryCollection:
    """Stands in for `AsyncCollection`: same names, same arguments, each passed on to the double."""

    def __init__(self, database: MemoryDatabase, double: Any) -> None:
        self.database = database
        self.name: str = double.name
        self._double = double

    def _call(self, name: str, *arguments: Any, **options: Any) -> Any:
        """Call the double with values as a server would see them."""
        for option in _IGNORED:
            options.pop(option, None)
        values = [_refuse_silent(_through_bson(argument)) for argument in arguments]
        given = {name: value for name, value in options.items() if value is not None}
        try:
            return getattr(self._double, name)(*values, **given)
        except DuplicateKeyError as error:
            details = dict(error.details or {})
            raise DuplicateKeyError(self._name_index(details), 11000, details) from error

    def _name_index(self, details: Mapping[str, Any]) -> str:
        """The text of a server, which names the index that the double leaves out."""
        pattern = dict(details.get("keyPattern", {}))
        for name, index in self._double.index_information().items():
            if dict(index["key"]) == pattern:
                return f"E11000 duplicate key error index: {name} dup key"
        return f"E11000 duplicate key error index: {'_'.join(pattern)} dup key"

    async def find_one(self, filter: Any, projection: Any = None, **options: Any) -> dict[str, Any] | None:
        """As the driver's."""
        found = await self.find(filter, projection, limit=1, **options).to_list()
        return found[0] if found else None

    def find(self, filter: Any, projection: Any = None, **options: Any) -> MemoryCursor:
        """As the driver's; the double is asked when the cursor is read."""
        return MemoryCursor(lambda: self._call("find", filter, projection, **options))

    async def aggregate(self, pipeline: Any, **options: Any) -> MemoryCursor:
        """As the driver's."""
        result = self._call("aggregate", pipeline, **options)
        return MemoryCursor(lambda: result)

    async def insert_one(self, document: dict[str, Any], **options: Any) -> Any:
        """As the driver's; sets a missing `_id`."""
        document.setdefault("_id", bson.ObjectId())
        return self._call("insert_one", document, **options)

    async def insert_many(self, documents: Sequence[dict[str, Any]], *, ordered: bool = True, **_: Any) -> None:
        """As the driver's; sets missing `_id`s."""
        await self.bulk_write([InsertOne(document) for document in documents], ordered=ordered)

    async def bulk_write(self, operations: Sequence[Any], *, ordered: bool = True, **_: Any) -> BulkWriteResult:
        """As the driver's, one operation after another."""
        done = {"nInserted": 0, "nMatched": 0, "nModified": 0, "nRemoved": 0, "nUpserted": 0}
        failures: list[dict[str, Any]] = []
        for index, operation in enumerate(operations):
            try:
                await self._apply(operation, done)
            except DuplicateKeyError as error:
                failures.append({"index": index, "code": error.code, "errmsg": str(error)})
                if ordered:
                    break
        if failures:
            raise BulkWriteError({**done, "writeErrors": failures, "writeConcernErrors": []})
        return BulkWriteResult(done, acknowledged=True)

    async def _apply(self, operation: Operation, done: dict[str, int]) -> None:
        """One operation of a bulk write, counted in `done`."""
        if isinstance(operation, InsertOne):
            await self.insert_one(operation.document)
            done["nInserted"] += 1
        elif isinstance(operation, DeleteOne):
            name = "delete_many" if isinstance(operation, DeleteMany) else "delete_one"
            done["nRemoved"] += self._call(name, operation.filter).deleted_count
        else:
            result = self._change(operation)
            done["nMatched"] += result.matched_count
            done["nModified"] += result.modified_count
            done["nUpserted"] += int(result.upserted_id is not None)

    def _change(self, operation: UpdateOne | ReplaceOne) -> Any:
        if isinstance(operation, ReplaceOne):
            return self._call("replace_one", operation.filter, operation.document, upsert=operation.upsert)
        name = "update_many" if isinstance(operation, UpdateMany) else "update_one"
        options = {"upsert": operation.upsert, "array_filters": operation.array_filters}
        return self._call(name, operation.filter, operation.update, **options)

    async def create_indexes(self, indexes: Sequence[Any], **_: Any) -> list[str]:
        """As the driver's; text indexes are left out, there is no text search here."""
        usable = [index for index in indexes if "text" not in dict(index.document["key"]).values()]
        names: list[str] = self._double.create_indexes(usable) if usable else []
        return names

    async def list_indexes(self, **_: Any) -> MemoryCursor:
        """As the driver's."""
        return MemoryCursor(self._double.list_indexes)

    async def drop_index(self, name: str, **_: Any) -> None:
        """As the driver's."""
        self._double.drop_index(name)

    async def drop(self, **_: Any) -> None:
        """As the driver's."""
        self._double.drop()


def _forward(name: str) -> Any:
    async def call(self: MemoryCollection, *arguments: Any, **options: Any) -> Any:
        return self._call(name, *arguments, **options)

    call.__name__, call.__doc__ = name, "As the driver's."
    return call


for _name in (
    "update_one", "update_many", "replace_one", "delete_one", "delete_many",
    "find_one_and_update", "find_one_and_delete", "distinct", "count_documents",
):  # fmt: skip
    setattr(MemoryCollection, _name, _forward(_name))


def _import_double() -> Any:
    for name in ("mongomock_ng", "mongomock"):
        try:
            return import_module(name)
        except ImportError:
            continue
    raise ConfigError("databases", "the in-memory database needs mongomock-ng; install the extra 'local'")


def _through_bson(value: T) -> T:
    """The value as it comes back from a server."""
    if value is None or isinstance(value, str):
        return value
    packed: T = bson.decode(bson.encode({"v": value}, codec_options=_CODEC), codec_options=_CODEC)["v"]
    return packed


def _refuse_silent(value: T) -> T:
    """Refuse what the double would ignore without a word."""
    if isinstance(value, Mapping):
        if "$expr" in value:
            raise NotSupported("the in-memory database has no $expr")
        for inner in value.values():
            _refuse_silent(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _refuse_silent(inner)
    elif value == "$$NOW":
        raise NotSupported("the in-memory database has no $$NOW")
    return value
