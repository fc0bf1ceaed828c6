"""The operations of a bulk write, named like the driver's.

In: filters, updates, documents. Out: values for `Collection.bulk_write`, which checks each against the model
before it hands them to the driver.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pymongo


@dataclass(frozen=True, slots=True)
class InsertOne:
    """Store a new document: a model or a dict."""

    document: Any


@dataclass(frozen=True, slots=True)
class UpdateOne:
    """Change the first document that matches; arguments as for `Collection.update_one`."""

    filter: Mapping[str, Any]
    update: Mapping[str, Any] | Sequence[Mapping[str, Any]]
    upsert: bool = False
    array_filters: Sequence[Mapping[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class UpdateMany(UpdateOne):
    """Change every document that matches."""


@dataclass(frozen=True, slots=True)
class ReplaceOne:
    """Put a whole document, a model or a dict, in the place of the first that matches."""

    filter: Mapping[str, Any]
    document: Any
    upsert: bool = False


@dataclass(frozen=True, slots=True)
class DeleteOne:
    """Delete the first document that matches."""

    filter: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DeleteMany(DeleteOne):
    """Delete every document that matches."""


Operation = InsertOne | UpdateOne | ReplaceOne | DeleteOne


def to_driver(operation: Operation) -> Any:
    """The driver's form of an operation."""
    match operation:
        case InsertOne():
            return pymongo.InsertOne(operation.document)
        case ReplaceOne():
            return pymongo.ReplaceOne(operation.filter, operation.document, upsert=operation.upsert)
        case UpdateOne():
            make = pymongo.UpdateMany if isinstance(operation, UpdateMany) else pymongo.UpdateOne
            filters = list(operation.array_filters) if operation.array_filters else None
            return make(operation.filter, operation.update, upsert=operation.upsert, array_filters=filters)
    return (pymongo.DeleteMany if isinstance(operation, DeleteMany) else pymongo.DeleteOne)(operation.filter)
