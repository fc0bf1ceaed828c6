"""The verbs that read.

In: filters, sorts and projections in stored names. Out: models, or dicts where a projection is given.
Reading never validates: missing fields take defaults, unknown ones are kept. Every read is bounded by the
deadline of its request.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar, cast, overload

from pymongo.asynchronous.change_stream import AsyncChangeStream
from pymongo.asynchronous.cursor import AsyncCursor

from core.data.base import CollectionBase, Filter, Projection, Sort, parse_sort
from core.data.connection import Document
from core.data.errors import NotSupported
from core.data.filter import check_filter
from core.data.transaction import current_transaction
from core.errors import StoreError
from core.schema.model import Model, from_document, model_fields

M = TypeVar("M", bound=Model)
_BATCH: Final = 100
_WATCH_MS: Final = 1000


class Reads(CollectionBase[M]):
    """Reading part of `Collection`."""

    async def get(self, oid: Any, *, ignore_shard_key: bool = False) -> M | None:
        """The document with this `_id`, or `None`."""
        return await self._read_point("_id", oid, ignore_shard_key)

    async def get_by(self, field: str, value: Any, *, ignore_shard_key: bool = False) -> M | None:
        """The document whose unique field has this value, or `None`.

        Args:
            field: stored name of a field declared `unique`.
            value: compared exactly; an operator is refused.
            ignore_shard_key: the field need not name the shard key.

        Raises:
            StoreError: the field is not unique; use `find_one`.
        """
        if field != "_id" and field not in self._unique:
            known = ", ".join(sorted(self._unique)) or "none"
            raise StoreError(f"'{field}' is no unique field of {self.model.__name__} ({known}); use find_one")
        return await self._read_point(field, value, ignore_shard_key)

    async def _read_point(self, field: str, value: Any, ignore_shard_key: bool) -> M | None:
        if isinstance(value, Mapping):
            raise StoreError(f"{self.model.__name__}.{field} is looked up by a value, not by an object")
        query = {field: value}
        if self._shard_key:
            self._guard(query, ignore_shard_key)
        limit_ms, session = self._calls.max_time_ms(), self._session()
        document = await self._run(self._driver.find_one(query, max_time_ms=limit_ms, session=session))
        return None if document is None else from_document(self.model, document)

    @property
    def _unique(self) -> frozenset[str]:
        cached = self.__dict__.get("_unique_fields")
        if cached is None:
            cached = frozenset(field.wire for field in model_fields(self.model) if field.rule.unique)
            self.__dict__["_unique_fields"] = cached
        return cast("frozenset[str]", cached)

    @overload
    async def find_one(
        self, filter: Filter | None = None, *, sort: Sort | None = None, skip: int = 0, ignore_shard_key: bool = False
    ) -> M | None: ...
    @overload
    async def find_one(
        self,
        filter: Filter | None = None,
        *,
        projection: Projection,
        sort: Sort | None = None,
        skip: int = 0,
        ignore_shard_key: bool = False,
    ) -> Document | None: ...
    async def find_one(
        self,
        filter: Filter | None = None,
        *,
        projection: Projection | None = None,
        sort: Sort | None = None,
        skip: int = 0,
        ignore_shard_key: bool = False,
    ) -> M | Document | None:
        """The first document that matches, or `None`; a dict where a projection is given."""
        query = self._guard(filter, ignore_shard_key)
        document = await self._run(
            self._driver.find_one(
                query,
                projection,
                sort=parse_sort(sort),
                skip=skip,
                max_time_ms=self._calls.max_time_ms(),
                session=self._session(),
            )
        )
        return document if document is None or projection is not None else from_document(self.model, document)

    @overload
    async def find(
        self,
        filter: Filter | None = None,
        *,
        sort: Sort | None = None,
        limit: int = 0,
        skip: int = 0,
        ignore_shard_key: bool = False,
    ) -> list[M]: ...
    @overload
    async def find(
        self,
        filter: Filter | None = None,
        *,
        projection: Projection,
        sort: Sort | None = None,
        limit: int = 0,
        skip: int = 0,
        ignore_shard_key: bool = False,
    ) -> list[Document]: ...
    async def find(
        self,
        filter: Filter | None = None,
        *,
        projection: Projection | None = None,
        sort: Sort | None = None,
        limit: int = 0,
        skip: int = 0,
        ignore_shard_key: bool = False,
    ) -> list[M] | list[Document]:
        """All documents that match; dicts where a projection is given.

        Args:
            filter: operators included; all documents without it.
            projection: fields to give, by stored name.
            sort: `"name"`, `"-name"`, or several of them.
            limit: at most so many; 0 for all.
            skip: leave out the first ones.
            ignore_shard_key: the filter need not name the fields of the shard key.
        """
        cursor = self._cursor(filter, projection, sort, limit, skip, ignore_shard_key, limit)
        documents = await self._run(cursor.to_list())
        if projection is not None:
            return documents
        model = self.model
        return [from_document(model, document) for document in documents]

    async def iterate(
        self,
        filter: Filter | None = None,
        *,
        sort: Sort | None = None,
        limit: int = 0,
        skip: int = 0,
        batch_size: int = _BATCH,
        ignore_shard_key: bool = False,
    ) -> AsyncIterator[M]:
        """The documents that match, one after another, without holding all of them in memory."""
        cursor = self._cursor(filter, None, sort, limit, skip, ignore_shard_key, batch_size)
        try:
            while documents := await self._run(cursor.to_list(batch_size)):
                for document in documents:
                    yield from_document(self.model, document)
        finally:
            with suppress(StoreError):
                await self._calls.run(cursor.close())

    def _cursor(
        self,
        filter: Filter | None,
        projection: Projection | None,
        sort: Sort | None,
        limit: int,
        skip: int,
        ignore_shard_key: bool,
        batch_size: int,
    ) -> AsyncCursor[Document]:
        """A cursor; nothing is sent until it is read."""
        if limit < 0 or skip < 0:
            raise StoreError("limit and skip cannot be negative")
        return self._driver.find(
            self._guard(filter, ignore_shard_key),
            projection,
            sort=parse_sort(sort),
            limit=limit,
            skip=skip,
            batch_size=batch_size,
            max_time_ms=self._calls.max_time_ms(),
            session=self._session(),
        )

    async def count(self, filter: Filter | None = None, *, ignore_shard_key: bool = False) -> int:
        """How many documents match."""
        query = self._guard(filter, ignore_shard_key)
        limit_ms = self._calls.max_time_ms()
        return await self._run(self._driver.count_documents(query, session=self._session(), maxTimeMS=limit_ms))

    async def exists(self, filter: Filter, *, ignore_shard_key: bool = False) -> bool:
        """Whether a document matches."""
        found = await self.find_one(filter, projection={"_id": 1}, ignore_shard_key=ignore_shard_key)
        return found is not None

    async def distinct(self, field: str, filter: Filter | None = None) -> list[Any]:
        """The different values of a field among the documents that match."""
        query = self._guard(filter, ignore_shard_key=True)
        limit_ms = self._calls.max_time_ms()
        return await self._run(self._driver.distinct(field, query, session=self._session(), maxTimeMS=limit_ms))

    async def aggregate(self, pipeline: Sequence[Mapping[str, Any]]) -> list[Document]:
        """What a pipeline gives, as dicts."""
        stages = [dict(stage) for stage in pipeline]
        check_filter(stages)
        return await self._run(self._aggregate(stages, self._calls.max_time_ms()))

    async def _aggregate(self, stages: list[Document], limit_ms: int) -> list[Document]:
        cursor = await self._driver.aggregate(stages, session=self._session(), maxTimeMS=limit_ms)
        return await cursor.to_list()

    async def watch(
        self,
        pipeline: Sequence[Mapping[str, Any]] = (),
        *,
        full_document: str | None = None,
        resume_after: Mapping[str, Any] | None = None,
    ) -> AsyncIterator[Document]:
        """Changes of the collection as they happen, until the caller stops iterating.

        Args:
            pipeline: stages that select or shape the changes.
            full_document: `"updateLookup"` for the whole document with each update.
            resume_after: the `_id` of the last change seen.

        Raises:
            NotSupported: the database has no change streams (stand-in, or no replica set).
        """
        if self._connection.is_memory or current_transaction() is not None:
            raise NotSupported("changes can be watched on a replica set only, outside transactions")
        stages = [dict(stage) for stage in pipeline]
        wait_ms = min(_WATCH_MS, self._calls.max_time_ms())
        stream: AsyncChangeStream[Document] = await self._calls.run(
            self._driver.watch(
                stages, full_document=full_document, resume_after=resume_after, max_await_time_ms=wait_ms
            )
        )
        try:
            while stream.alive:
                change = await self._calls.run(stream.try_next())
                if change is not None:
                    yield dict(change)
        finally:
            with suppress(StoreError):
                await self._calls.run(stream.close())
