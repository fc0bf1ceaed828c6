"""What every verb of a collection shares, and the verbs that read.

In: filters, sorts and projections in stored names. Out: models, or dicts where a projection is given. Reading
never validates: missing fields take defaults, unknown ones are kept. Every call is bounded by the deadline of
its request.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from copy import copy
from typing import Any, Final, Generic, Self, TypeVar, overload

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection

from core.data.coalesce import ALONE, Coalescer
from core.data.connection import Connection, Document
from core.data.errors import NotSupported
from core.data.filter import Filter, Query, Sort, check_filter, parse_sort
from core.data.transaction import current_transaction
from core.errors import StoreError
from core.schema.fields import read_fields
from core.schema.model import Model

M = TypeVar("M", bound=Model)
T = TypeVar("T")
Projection = Query | Sequence[str]
_BATCH: Final = 100
_SCALARS: Final = frozenset({"text", "integer", "format", "choice"})  # kinds of fields that hold one value
_WATCH_MS: Final = 1000
_READ: Final = "max_time_ms"  # the driver's names for how long the server may work
COMMAND: Final = "maxTimeMS"


class Reads(Generic[M]):
    """Reading part of `Collection`; `groups` gathers its point reads and inserts, where that is possible."""

    def __init__(self, model: type[M], connection: Connection, *, background: bool = False) -> None:
        self.model = model
        self._connection = connection
        self._is_background = background
        self._shard_key = tuple(model.shard_key or ())
        unique = [field for field in read_fields(model) if field.rule.unique]
        self._unique = {"_id", *(field.wire for field in unique)}
        self._points = {"_id", *(field.wire for field in unique if field.type.kind in _SCALARS)}
        self._driver: AsyncCollection[Document] = connection.database(background=background)[model.collection]
        is_plain = connection.coalesces and not model.shard_key and "collation" not in model.collection_options
        self.groups = Coalescer(connection, self._driver) if is_plain else None

    @property
    def raw(self) -> AsyncCollection[Document]:
        """The driver's own collection: no checks, no deadlines, driver errors."""
        return self._driver

    def across_shards(self) -> Self:
        """The same collection, for queries that need not name the shard key."""
        twin = copy(self)
        vars(twin)["_shard_key"] = ()
        return twin

    def _guard(self, filter: Filter) -> Document:
        """A filter for the driver, checked for JavaScript and the fields of the shard key."""
        asked: Document = filter if type(filter) is dict else dict(filter or {})
        check_filter(asked)
        missing = [field for field in self._shard_key if field not in asked]
        if missing:
            lacking = f"a query of {self.model.__name__} lacks {', '.join(missing)} of its shard key"
            raise StoreError(f"{lacking}; name every field, or ask across_shards()")
        return asked

    def _session(self) -> AsyncClientSession | None:
        """The session of the transaction that the caller is in."""
        transaction = current_transaction()
        return None if transaction is None else transaction.join(self._connection, background=self._is_background)

    async def _run(self, call: Coroutine[Any, Any, T]) -> T:
        transaction = current_transaction()
        return await (self._connection.run(call) if transaction is None else transaction.run(call))

    async def _call(self, verb: Callable[..., Coroutine[Any, Any, T]], *values: Any, timed: str = "", **more: Any) -> T:
        """Call the driver while there is time, in the transaction of the caller if there is one.

        `timed` names the driver's option that bounds the server's work, for verbs that have one.
        """
        limit_ms = self._connection.max_time_ms()
        if timed:
            more[timed] = limit_ms
        return await self._run(verb(*values, session=self._session(), **more))

    _write = _call  # what changes documents is called by this name: a run of a job ties it to its lease

    async def get(self, oid: Any, *, coalesce: bool = True) -> M | None:
        """The document with this `_id`, or `None`; `coalesce=False` asks for it alone."""
        return await self._read_point("_id", oid, coalesce)

    async def get_by(self, field: str, value: Any, *, coalesce: bool = True) -> M | None:
        """The document whose unique field has this value (never an operator), or `None`; see `get`."""
        if field not in self._unique:
            known = ", ".join(sorted(self._unique))
            raise StoreError(f"'{field}' is no unique field of {self.model.__name__} ({known}); use find_one")
        return await self._read_point(field, value, coalesce)

    async def _read_point(self, field: str, value: Any, coalesce: bool) -> M | None:
        if coalesce and self.groups is not None and field in self._points and current_transaction() is None:
            found = await self.groups.read(field, value)
            if found is not ALONE:
                return self._to_model(found)
        if isinstance(value, Mapping):
            raise StoreError(f"{self.model.__name__}.{field} is looked up by a value, not by an object")
        query = self._guard({field: value}) if self._shard_key else {field: value}
        return self._to_model(await self._call(self._driver.find_one, query, timed=_READ))

    def _to_model(self, document: Document | None) -> M | None:
        return None if document is None else self.model.__load__(document)

    async def find_one(self, filter: Filter = None, *, sort: Sort = None) -> M | None:
        """The first document that matches, or `None`."""
        query = self._guard(filter)
        return self._to_model(await self._call(self._driver.find_one, query, sort=parse_sort(sort), timed=_READ))

    @overload
    async def find(self, filter: Filter = None, *, sort: Sort = None, limit: int = 0, skip: int = 0) -> list[M]: ...
    @overload
    async def find(
        self, filter: Filter = None, *, sort: Sort = None, limit: int = 0, skip: int = 0, projection: Projection
    ) -> list[Document]: ...
    async def find(
        self,
        filter: Filter = None,
        *,
        sort: Sort = None,
        limit: int = 0,
        skip: int = 0,
        projection: Projection | None = None,
    ) -> list[M] | list[Document]:
        """All documents that match, or as many as `limit`; dicts with the fields of a projection where one is given."""
        query: Document = {"filter": self._guard(filter), "projection": projection, "sort": parse_sort(sort)}
        query |= {"limit": limit, "skip": skip, "batch_size": limit}
        if self.groups is not None and current_transaction() is None:
            found = await self.groups.find(query)
        else:
            found = await self._call(self._list, timed=_READ, **query)
        return found if projection is not None else [self.model.__load__(document) for document in found]

    async def _list(self, **query: Any) -> list[Document]:
        return await self._driver.find(**query).to_list()

    async def iterate(
        self, filter: Filter = None, *, sort: Sort = None, limit: int = 0, skip: int = 0
    ) -> AsyncIterator[M]:
        """The documents that match, one after another, without holding all of them in memory."""
        window = {"sort": parse_sort(sort), "limit": limit, "skip": skip, "batch_size": _BATCH}
        bound = {"session": self._session(), _READ: self._connection.max_time_ms()}
        cursor = self._driver.find(self._guard(filter), **window, **bound)
        # Never closed here: while a cancelled caller's batch is under way it would stay open. The driver sees it go.
        while documents := await self._run(cursor.to_list(_BATCH)):
            for document in documents:
                yield self.model.__load__(document)

    async def count(self, filter: Filter = None) -> int:
        """How many documents match."""
        return await self._call(self._driver.count_documents, self._guard(filter), timed=COMMAND)

    async def exists(self, filter: Query) -> bool:
        """Whether a document matches."""
        return await self._call(self._driver.find_one, self._guard(filter), {"_id": 1}, timed=_READ) is not None

    async def distinct(self, field: str, filter: Filter = None) -> list[Any]:
        """The different values of a field among the documents that match."""
        query = filter or {}
        check_filter(query)
        return await self._call(self._driver.distinct, field, query, timed=COMMAND)

    async def aggregate(self, pipeline: Sequence[Query]) -> list[Document]:
        """What a pipeline gives, as dicts."""
        check_filter(pipeline)
        return await self._call(self._pipe, list(pipeline), timed=COMMAND)

    async def _pipe(self, pipeline: list[Query], **options: Any) -> list[Document]:
        return await (await self._driver.aggregate(pipeline, **options)).to_list()

    async def watch(self, pipeline: Sequence[Query] = (), **options: Any) -> AsyncIterator[Document]:
        """Changes of the collection as they happen, until the caller stops iterating; on a replica set only.

        Args:
            pipeline: stages that select or shape the changes.
            options: of the driver: `full_document="updateLookup"`, `resume_after=` the `_id` of a change.
        """
        check_filter(pipeline)
        if self._connection.is_memory or current_transaction() is not None:
            raise NotSupported("changes can be watched on a replica set only, outside transactions")
        run, wait_ms = self._connection.run, min(_WATCH_MS, self._connection.max_time_ms())
        stream = await run(self._driver.watch(list(pipeline), max_await_time_ms=wait_ms, **options))
        while stream.alive:
            change = await run(stream.try_next())
            if change is not None:
                yield dict(change)
