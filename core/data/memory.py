"""A MongoDB in memory for unit tests: the parts of the async driver that `Collection` uses, over mongomock.

In: what `Collection` would send to the driver. Out: what the driver would give back, or `NotSupported` where
the double is known to answer wrongly (`$expr`, `$$NOW`, transactions, change streams). Every value passes
through BSON like on its way to a server, so what cannot be stored fails here, too.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Final, TypeVar

import bson
from bson.codec_options import CodecOptions
from pymongo.errors import BulkWriteError, DuplicateKeyError

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
        self.admin = self

    def __getitem__(self, name: str) -> MemoryDatabase:
        return MemoryDatabase(self, self._client[name])

    get_default_database = __getitem__

    async def command(self, _: str) -> dict[str, Any]:
        """The answer to `hello`, of a server that is no replica set."""
        return {"ok": 1.0}

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

    async def list_collection_names(self) -> list[str]:
        """The collections that exist."""
        return list(self._double.list_collection_names())

    async def create_collection(self, name: str, **_: Any) -> None:
        """Make an empty collection; options are ignored."""
        self._double.create_collection(name)


class MemoryCursor:
    """Stands in for the cursors of `find` and `aggregate`; the double is asked when it is first read."""

    def __init__(self, documents: Callable[[], Any]) -> None:
        self._make = documents
        self._rest: Any = None

    async def to_list(self, length: int | None = None) -> list[dict[str, Any]]:
        """The next `length` documents, or all that are left."""
        if self._rest is None:
            self._rest = iter(self._make())
        return [_through_bson(document) for document in itertools.islice(self._rest, length)]

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
        values = [_refuse_silent(_through_bson(argument)) for argument in arguments]
        given = {key: value for key, value in options.items() if value is not None and key not in _IGNORED}
        try:
            return getattr(self._double, name)(*values, **given)
        except (DuplicateKeyError, BulkWriteError) as error:
            raise self._as_server(error) from error

    def _as_server(self, error: DuplicateKeyError | BulkWriteError) -> DuplicateKeyError:
        """The error of a server, which names the index that the double leaves out."""
        keys = {name: f"'keyPattern': {dict(index['key'])}" for name, index in self._double.index_information().items()}
        name = next((name for name, pattern in keys.items() if pattern in str(error)), "unknown")
        return DuplicateKeyError(f"E11000 duplicate key error index: {name} dup key", 11000)

    def find(self, filter: Any, projection: Any = None, **options: Any) -> MemoryCursor:
        """As the driver's."""
        if min(options.get("limit", 0), options.get("skip", 0)) < 0:
            raise ValueError("limit and skip cannot be negative")
        return MemoryCursor(lambda: self._call("find", filter, projection, **options))

    async def find_one(self, filter: Any, projection: Any = None, **options: Any) -> dict[str, Any] | None:
        """As the driver's."""
        found = await self.find(filter, projection, limit=1, **options).to_list()
        return found[0] if found else None

    async def aggregate(self, pipeline: Any, **options: Any) -> MemoryCursor:
        """As the driver's."""
        return MemoryCursor(lambda: self._call("aggregate", pipeline, **options))

    async def insert_one(self, document: dict[str, Any], **options: Any) -> Any:
        """As the driver's; sets a missing `_id`."""
        document.setdefault("_id", bson.ObjectId())
        return self._call("insert_one", document, **options)

    async def insert_many(self, documents: Sequence[dict[str, Any]], **options: Any) -> Any:
        """As the driver's; sets missing `_id`s."""
        for document in documents:
            document.setdefault("_id", bson.ObjectId())
        return self._call("insert_many", documents, **options)

    async def bulk_write(self, operations: Sequence[Any], *, ordered: bool = True, **_: Any) -> Any:
        """As the driver's."""
        for operation in operations:
            for part in ("_filter", "_doc"):
                _refuse_silent(_through_bson(getattr(operation, part, None)))
        try:
            return self._double.bulk_write(operations, ordered=ordered)
        except BulkWriteError as error:
            raise self._as_server(error) from error

    async def create_indexes(self, indexes: Sequence[Any], **_: Any) -> None:
        """As the driver's."""
        self._double.create_indexes(indexes)


def _forward(name: str) -> Any:
    async def call(self: MemoryCollection, *arguments: Any, **options: Any) -> Any:
        return self._call(name, *arguments, **options)

    return call


for _name in (
    "update_one", "update_many", "replace_one", "delete_one", "delete_many", "find_one_and_update",
    "find_one_and_delete", "distinct", "count_documents", "drop_index", "index_information",
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
