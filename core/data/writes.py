"""The verbs that write.

In: models, dicts, update operators, all in stored names. Out: models, counts, small results. Everything is
checked against the model first (`validate=False` says otherwise), so nothing stored breaks its rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pymongo import ReturnDocument
from pymongo import results as driver_results

from core.data.base import CollectionBase, Filter, Sort, parse_sort
from core.data.bulk import InsertOne, Operation, ReplaceOne, UpdateOne, to_driver
from core.data.connection import Document
from core.data.errors import NotSupported
from core.data.filter import check_filter
from core.schema.model import Model, check_document, check_update, from_document, to_document

M = TypeVar("M", bound=Model)
Update = Mapping[str, Any] | Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """What an update did. `upserted_id` is the `_id` of a new document, or `None`."""

    matched: int
    modified: int
    upserted_id: Any = None


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What a bulk write did."""

    inserted: int
    matched: int
    modified: int
    deleted: int
    upserted: int


class Writes(CollectionBase[M]):
    """Writing part of `Collection`."""

    async def insert(self, document: M | Mapping[str, Any], *, validate: bool = True) -> M:
        """Store a new document.

        Returns:
            The document as it was stored, defaults and `_id` included.

        Raises:
            DuplicateKey: a unique index holds one of its values.
            ModelError: it breaks the rules of the model.
        """
        stored = self._new(document, validate)
        await self._insert_document(stored)
        return from_document(self.model, stored)

    async def _insert_document(self, stored: Document) -> None:
        self._calls.max_time_ms()
        await self._run(self._driver.insert_one(stored, session=self._session()))

    async def insert_many(
        self, documents: Sequence[M | Mapping[str, Any]], *, ordered: bool = True, validate: bool = True
    ) -> list[M]:
        """Store several new documents; all are checked before the first is sent.

        Args:
            documents: models or dicts.
            ordered: stop at the first that fails; else try all.
            validate: check them against the model.
        """
        stored = [self._new(document, validate) for document in documents]
        if not stored:
            return []
        self._calls.max_time_ms()
        await self._run(self._driver.insert_many(stored, ordered=ordered, session=self._session()))
        return [from_document(self.model, document) for document in stored]

    async def update_one(
        self,
        filter: Filter,
        update: Update,
        *,
        upsert: bool = False,
        array_filters: Sequence[Mapping[str, Any]] | None = None,
        validate: bool = True,
        ignore_shard_key: bool = False,
    ) -> UpdateResult:
        """Change the first document that matches.

        Args:
            filter: which documents.
            update: operators, `{"$set": …}`, or a pipeline; values are checked against the fields.
            upsert: make a new document when none matches.
            array_filters: which elements `$[name]` in the update means.
            validate: check the values against the model.
            ignore_shard_key: the filter need not name the fields of the shard key.
        """
        query, changes = self._guard(filter, ignore_shard_key), self._change(update, validate)
        self._calls.max_time_ms()
        result = await self._run(
            self._driver.update_one(query, changes, upsert=upsert, array_filters=array_filters, session=self._session())
        )
        return _to_result(result)

    async def update_many(
        self,
        filter: Filter,
        update: Update,
        *,
        upsert: bool = False,
        array_filters: Sequence[Mapping[str, Any]] | None = None,
        validate: bool = True,
        ignore_shard_key: bool = False,
    ) -> UpdateResult:
        """Change every document that matches; arguments as for `update_one`."""
        query, changes = self._guard(filter, ignore_shard_key), self._change(update, validate)
        self._calls.max_time_ms()
        result = await self._run(
            self._driver.update_many(
                query, changes, upsert=upsert, array_filters=array_filters, session=self._session()
            )
        )
        return _to_result(result)

    async def replace(
        self,
        filter: Filter,
        document: M | Mapping[str, Any],
        *,
        upsert: bool = False,
        validate: bool = True,
        ignore_shard_key: bool = False,
    ) -> UpdateResult:
        """Put a whole document in the place of the first that matches; its unknown fields are kept."""
        query = self._guard(filter, ignore_shard_key)
        whole = self._whole(document, validate)
        self._calls.max_time_ms()
        result = await self._run(self._driver.replace_one(query, whole, upsert=upsert, session=self._session()))
        return _to_result(result)

    async def delete_one(self, filter: Filter, *, ignore_shard_key: bool = False) -> int:
        """Delete the first document that matches; returns 0 or 1."""
        query = self._guard(filter, ignore_shard_key)
        self._calls.max_time_ms()
        result = await self._run(self._driver.delete_one(query, session=self._session()))
        return result.deleted_count

    async def delete_many(self, filter: Filter, *, ignore_shard_key: bool = False) -> int:
        """Delete every document that matches; returns how many. `{}` deletes all."""
        query = self._guard(filter, ignore_shard_key)
        self._calls.max_time_ms()
        result = await self._run(self._driver.delete_many(query, session=self._session()))
        return result.deleted_count

    async def find_one_and_update(
        self,
        filter: Filter,
        update: Update,
        *,
        sort: Sort | None = None,
        upsert: bool = False,
        before: bool = False,
        array_filters: Sequence[Mapping[str, Any]] | None = None,
        validate: bool = True,
        ignore_shard_key: bool = False,
    ) -> M | None:
        """Change the first document that matches in one step, and get it; see `update_one`.

        Returns:
            The document after the change, or as it was with `before=True`; `None` when none matched.
        """
        query, changes = self._guard(filter, ignore_shard_key), self._change(update, validate)
        document = await self._run(
            self._driver.find_one_and_update(
                query,
                changes,
                sort=parse_sort(sort),
                upsert=upsert,
                return_document=ReturnDocument.BEFORE if before else ReturnDocument.AFTER,
                array_filters=array_filters,
                session=self._session(),
                maxTimeMS=self._calls.max_time_ms(),
            )
        )
        return self._to_model(document)

    async def find_one_and_delete(
        self, filter: Filter, *, sort: Sort | None = None, ignore_shard_key: bool = False
    ) -> M | None:
        """Delete the first document that matches in one step, and get it."""
        query = self._guard(filter, ignore_shard_key)
        limit_ms = self._calls.max_time_ms()
        document = await self._run(
            self._driver.find_one_and_delete(query, sort=parse_sort(sort), session=self._session(), maxTimeMS=limit_ms)
        )
        return self._to_model(document)

    async def bulk_write(
        self, operations: Sequence[Operation], *, ordered: bool = True, validate: bool = True
    ) -> BulkResult:
        """Several `InsertOne UpdateOne UpdateMany ReplaceOne DeleteOne DeleteMany` in one go.

        Args:
            operations: all are checked before the first is sent.
            ordered: stop at the first that fails; else try all.
            validate: check the values against the model.
        """
        checked = [self._operation(operation, validate) for operation in operations]
        if not checked:
            return BulkResult(0, 0, 0, 0, 0)
        sent: list[Any] = checked if self._connection.is_memory else [to_driver(one) for one in checked]
        self._calls.max_time_ms()
        done = await self._run(self._driver.bulk_write(sent, ordered=ordered, session=self._session()))
        return BulkResult(
            inserted=done.inserted_count,
            matched=done.matched_count,
            modified=done.modified_count,
            deleted=done.deleted_count,
            upserted=done.upserted_count,
        )

    def _new(self, document: M | Mapping[str, Any], validate: bool) -> Document:
        """The document to store, a copy."""
        plain = to_document(document) if isinstance(document, Model) else dict(document)
        return check_document(self.model, plain) if validate else plain

    def _whole(self, document: M | Mapping[str, Any], validate: bool) -> Document:
        """A replacement; a dict without `_id` keeps the one in the database."""
        keeps_id = isinstance(document, Model) or "_id" in document
        whole = self._new(document, validate)
        if not keeps_id:
            whole.pop("_id", None)
        return whole

    def _change(self, update: Update, validate: bool) -> Any:
        """The update to send; a pipeline sets `{"$literal": value}` only, unless it is unchecked.

        Raises:
            NotSupported: a pipeline on the in-memory stand-in.
        """
        if self._connection.is_memory and not isinstance(update, Mapping):
            raise NotSupported("the in-memory database has no pipeline updates")
        if validate:
            return check_update(self.model, update)
        check_filter(update)
        return update

    def _operation(self, operation: Operation, validate: bool) -> Operation:
        """A checked copy of a bulk operation."""
        if isinstance(operation, InsertOne):
            return InsertOne(self._new(operation.document, validate))
        query = self._guard(operation.filter, ignore_shard_key=False)
        if isinstance(operation, ReplaceOne):
            return replace(operation, filter=query, document=self._whole(operation.document, validate))
        if isinstance(operation, UpdateOne):
            return replace(operation, filter=query, update=self._change(operation.update, validate))
        return replace(operation, filter=query)


def _to_result(result: driver_results.UpdateResult) -> UpdateResult:
    return UpdateResult(result.matched_count, result.modified_count, result.upserted_id)
