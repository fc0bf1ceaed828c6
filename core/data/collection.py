"""`db[Todo]`: a model's collection with all its verbs, typed by the model; here those that write.

In: models, dicts, update operators, all in stored names. Out: models, counts, small results. Everything is
checked against the model first (`validate=False` says otherwise), so nothing stored breaks its rules. Reading
verbs: `reads.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bson import ObjectId

from core.data.bulk import InsertOne, Operation, ReplaceOne, Update, UpdateOne, WriteResult, to_driver
from core.data.connection import Document, in_bulk
from core.data.errors import NotSupported
from core.data.filter import Query, Sort, check_filter, parse_sort
from core.data.indexes import IndexChanges, ensure_indexes
from core.data.reads import COMMAND, M, Reads
from core.data.transaction import current_transaction
from core.schema.model import Model, check_document
from core.schema.update import check_update


class Collection(Reads[M]):
    """The documents of one model. Filters, sorts and projections use stored names."""

    async def insert(self, document: M | Query, *, validate: bool = True, coalesce: bool = True) -> M:
        """Store a new document; gives it as it was stored, defaults and `_id` included.

        With `coalesce=False`, and unchecked, it is sent alone.

        Raises:
            DuplicateKey: a unique index holds one of its values.
            ModelError: it breaks the rules of the model.
        """
        stored = self._new(document, validate)
        groups = self.groups if coalesce and validate and current_transaction() is None else None
        if groups is None:
            await self._write(self._driver.insert_one, stored)
        else:
            await groups.insert(stored)
        return self.model.__load__(stored)

    async def insert_many(
        self, documents: Sequence[M | Query], *, ordered: bool = True, validate: bool = True
    ) -> list[M]:
        """Store several new documents, all checked before the first is sent; `ordered` stops at the first failure."""
        stored = [self._new(document, validate) for document in documents]
        if stored:
            await self._write(in_bulk, self._driver.insert_many, stored, ordered=ordered)
        return [self.model.__load__(document) for document in stored]

    async def update_one(
        self, filter: Query, update: Update, *, upsert: bool = False, validate: bool = True, **options: Any
    ) -> WriteResult:
        """Change the first document that matches.

        Args:
            filter: which documents.
            update: operators, `{"$set": …}`, or a pipeline; values are checked against the fields.
            upsert: make a new document when none matches.
            validate: check the values against the model.
            options: further ones of the driver, `array_filters` for example.
        """
        change = self._change(update, validate)
        return await self._update(self._driver.update_one, filter, change, upsert=upsert, **options)

    async def update_many(
        self, filter: Query, update: Update, *, upsert: bool = False, validate: bool = True, **options: Any
    ) -> WriteResult:
        """Change every document that matches; arguments as for `update_one`."""
        change = self._change(update, validate)
        return await self._update(self._driver.update_many, filter, change, upsert=upsert, **options)

    async def replace(
        self, filter: Query, document: M | Query, *, upsert: bool = False, validate: bool = True
    ) -> WriteResult:
        """Put a whole document in the place of the first that matches; its unknown fields are kept."""
        return await self._update(self._driver.replace_one, filter, self._whole(document, validate), upsert=upsert)

    async def _update(self, verb: Callable[..., Any], filter: Query, change: Any, **options: Any) -> WriteResult:
        done = await self._write(verb, self._guard(filter), change, **options)
        upserted = () if done.upserted_id is None else (done.upserted_id,)
        return WriteResult(matched=done.matched_count, modified=done.modified_count, upserted=upserted)

    async def delete_one(self, filter: Query) -> int:
        """Delete the first document that matches; returns 0 or 1."""
        return (await self._write(self._driver.delete_one, self._guard(filter))).deleted_count

    async def delete_many(self, filter: Query) -> int:
        """Delete every document that matches; returns how many. `{}` deletes all."""
        return (await self._write(self._driver.delete_many, self._guard(filter))).deleted_count

    async def find_one_and_update(
        self,
        filter: Query,
        update: Update,
        *,
        before: bool = False,
        sort: Sort = None,
        validate: bool = True,
        **options: Any,
    ) -> M | None:
        """Change the first document that matches in one step, and get it, as it was with `before`; see `update_one`."""
        values = self._guard(filter), self._change(update, validate)
        options |= {"sort": parse_sort(sort), "return_document": not before}
        return self._to_model(await self._write(self._driver.find_one_and_update, *values, timed=COMMAND, **options))

    async def find_one_and_delete(self, filter: Query, *, sort: Sort = None) -> M | None:
        """Delete the first document that matches in one step, and get it."""
        verb = self._driver.find_one_and_delete
        return self._to_model(await self._write(verb, self._guard(filter), sort=parse_sort(sort), timed=COMMAND))

    async def bulk_write(
        self, operations: Sequence[Operation], *, ordered: bool = True, validate: bool = True
    ) -> WriteResult:
        """Several `InsertOne UpdateOne UpdateMany ReplaceOne DeleteOne DeleteMany` in one go; see `insert_many`."""
        sent = [to_driver(self._operation(operation, validate)) for operation in operations]
        if not sent:
            return WriteResult()
        done = await self._write(in_bulk, self._driver.bulk_write, sent, ordered=ordered)
        counts = (done.inserted_count, done.matched_count, done.modified_count, done.deleted_count)
        return WriteResult(*counts, upserted=tuple((done.upserted_ids or {}).values()))

    async def ensure_indexes(self, *, prune: bool = False) -> IndexChanges:
        """Create the declared indexes that are missing; with `prune`, drop those that nobody declares first."""
        return await ensure_indexes(self._connection, self.model, prune=prune)

    def _new(self, document: M | Query, validate: bool) -> Document:
        """The document to store, a copy."""
        plain = document.__dump__() if isinstance(document, Model) else dict(document)
        checked = check_document(self.model, plain) if validate else plain
        checked.setdefault("_id", ObjectId())
        return checked

    def _whole(self, document: M | Query, validate: bool) -> Document:
        """A replacement; one without an id, or with a made one that nobody gave, keeps that in the database."""
        whole = self._new(document, validate)
        own = document.oid if isinstance(document, Model) else document.get("_id")
        if own is None or (isinstance(document, Model) and type(own) is ObjectId and "_id" not in document._sent):  # noqa: SLF001
            del whole["_id"]
        return whole

    def _change(self, update: Update, validate: bool) -> Any:
        """The update to send; a pipeline sets `{"$literal": value}` only, unless it is unchecked."""
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
        checked = replace(operation, filter=self._guard(operation.filter))
        if isinstance(checked, ReplaceOne):
            return replace(checked, replacement=self._whole(checked.replacement, validate))
        if isinstance(checked, UpdateOne):
            return replace(checked, update=self._change(checked.update, validate))
        return checked
