"""The operations of a bulk write, named like the driver's, and what writes report.

In: filters, updates, documents. Out: values for `Collection.bulk_write`, which checks each against the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import pymongo

from core.data.filter import Query

Update = Query | Sequence[Query]


@dataclass(frozen=True)
class InsertOne:
    """Store a new document: a model or a dict."""

    document: Any


@dataclass(frozen=True)
class UpdateOne:
    """Change the first document that matches; arguments as for `Collection.update_one`."""

    filter: Query
    update: Update
    upsert: bool = False
    array_filters: Sequence[Query] | None = None


class UpdateMany(UpdateOne):
    """Change every document that matches."""


@dataclass(frozen=True)
class ReplaceOne:
    """Put a whole document, a model or a dict, in the place of the first that matches."""

    filter: Query
    replacement: Any
    upsert: bool = False


@dataclass(frozen=True)
class DeleteOne:
    """Delete the first document that matches."""

    filter: Query


class DeleteMany(DeleteOne):
    """Delete every document that matches."""


Operation = InsertOne | UpdateOne | ReplaceOne | DeleteOne


def to_driver(operation: Operation) -> Any:
    """The driver's form of an operation: same name, same arguments."""
    values = {field.name: getattr(operation, field.name) for field in fields(operation)}
    return getattr(pymongo, type(operation).__name__)(**values)


@dataclass(frozen=True)
class WriteResult:
    """How many documents a write touched; `upserted` are the `_id`s of those that an upsert made."""

    inserted: int = 0
    matched: int = 0
    modified: int = 0
    deleted: int = 0
    upserted: tuple[Any, ...] = ()
