"""A MongoDB in memory for unit tests: the parts of the async driver that `Collection` uses, over mongomock.

In: what `Collection` would send to the driver. Out: what the driver would give back, or `NotSupported` where
the double is known to answer wrongly (`$expr`, `$$NOW`, transactions, change streams). Every value passes
through BSON like on its way to a server, so what cannot be stored fails here, too.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from importlib import import_module
from itertools import chain, islice
from typing import Any, Final

import bson
from bson.codec_options import CodecOptions
from pymongo.errors import BulkWriteError, DuplicateKeyError

from core.data.errors import NotSupported
from core.errors import ConfigError

_CODEC: Final[CodecOptions[dict[str, Any]]] = CodecOptions(tz_aware=True, uuid_representation=4)
_IGNORED: Final = ("session", "maxTimeMS", "max_time_ms", "batch_size", "check_exists")


class _Forward:
    """A part of the driver: same names, same arguments, each call passed on to the double."""

    def __init__(self, parent: Any, double: Any) -> None:
        self.client = self.database = parent
        self.name: str = double.name
        self._double = double

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        async def call(*values: Any, **options: Any) -> Any:
            return self._call(name, *values, **options)

        return call

    def _call(self, name: str, *values: Any, **options: Any) -> Any:
        """Call the double with values as a server would see them, and fail as a server would."""
        seen = [_refuse_silent(_through_bson(value)) for value in values]
        given = {key: value for key, value in options.items() if value is not None and key not in _IGNORED}
        try:
            found = getattr(self._double, name)(*seen, **given)
            return list(found) if name in ("find", "aggregate") else found
        except (NotImplementedError, LookupError, AttributeError, AssertionError) as error:
            raise NotSupported(f"the in-memory database cannot do this: {error!r}") from error


class MemoryClient:
    """Stands in for `AsyncMongoClient`. Nothing is kept when it is closed."""

    def __init__(self) -> None:
        try:
            mongomock = import_module("mongomock_ng")
        except ImportError as error:
            reason = "without MongoDB mongomock-ng is needed; install the extra 'local'"
            raise ConfigError("databases", reason) from error
        self._double = mongomock.MongoClient(tz_aware=True, uuidRepresentation="standard")
        self.admin = self

    def __getitem__(self, name: str) -> _Database:
        return _Database(self, self._double[name])

    get_default_database = __getitem__

    async def command(self, _: str) -> dict[str, Any]:
        """The answer to `hello`, of a server that is no replica set."""
        return {"ok": 1.0}

    async def close(self) -> None:
        """Nothing to do."""


class _Database(_Forward):
    def __getitem__(self, name: str) -> _Collection:
        return _Collection(self, self._double[name])


class _Cursor:
    """Stands in for the cursors of `find` and `aggregate`; the double is asked when it is first read."""

    def __init__(self, documents: Callable[[], Any]) -> None:
        self._documents = (_through_bson(document) for make in [documents] for document in make())

    async def to_list(self, length: int | None = None) -> list[dict[str, Any]]:
        return list(islice(self._documents, length))


class _Collection(_Forward):
    codec_options = _CODEC

    def _call(self, name: str, *values: Any, **options: Any) -> Any:
        try:
            return super()._call(name, *values, **options)
        except BulkWriteError as error:
            failures = [{**one, "errmsg": self._explain(one["errmsg"])} for one in error.details["writeErrors"]]
            raise BulkWriteError({**error.details, "writeErrors": failures}) from error
        except DuplicateKeyError as error:
            raise DuplicateKeyError(self._explain(str(error)), 11000) from error

    def _explain(self, text: str) -> str:
        """The error as a server would word it; the double leaves out the name of the index."""
        keys = {f"'keyPattern': {dict(one['key'])}": name for name, one in self._double.index_information().items()}
        index = next((name for pattern, name in keys.items() if pattern in text), "unknown")
        return f"E11000 duplicate key error index: {index} dup key"

    def find(self, filter: Any, projection: Any = None, **options: Any) -> _Cursor:
        if min(options.get("limit", 0), options.get("skip", 0)) < 0:
            raise ValueError("limit and skip cannot be negative")
        return _Cursor(lambda: self._call("find", filter, projection, **options))

    async def find_one(self, filter: Any, projection: Any = None, **options: Any) -> dict[str, Any] | None:
        found = await self.find(filter, projection, limit=1, **options).to_list()
        return found[0] if found else None

    async def aggregate(self, pipeline: Any, **options: Any) -> _Cursor:
        return _Cursor(lambda: self._call("aggregate", pipeline, **options))

    async def bulk_write(self, operations: Sequence[Any], **options: Any) -> Any:
        for operation in operations:
            _refuse_silent(_through_bson([getattr(operation, part, None) for part in ("_filter", "_doc")]))
        return self._call("bulk_write", requests=operations, **options)

    async def create_indexes(self, indexes: Sequence[Any]) -> None:
        self._call("create_indexes", indexes=indexes)


def _through_bson(value: Any) -> Any:
    """The value as it comes back from a server."""
    return bson.decode(bson.encode({"v": value}, codec_options=_CODEC), _CODEC)["v"]


def _refuse_silent(value: Any) -> Any:
    """Refuse what the double would ignore without a word."""
    if value == "$$NOW" or (isinstance(value, Mapping) and "$expr" in value):
        raise NotSupported(f"the in-memory database has no {value if value == '$$NOW' else '$expr'}")
    if isinstance(value, Mapping):
        operators = [fields for name, fields in value.items() if name[:1] == "$" and isinstance(fields, Mapping)]
        if len({*chain(*operators)}) < sum(map(len, operators)):
            raise ValueError("two operators change one field")
    if isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            _refuse_silent(inner)
    return value
