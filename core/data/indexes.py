"""Collections and indexes, made when they are missing.

In: models. Out: what the database needs for them, or a `StoreError` that names index, model and reason. At
start only missing collections are made (an existing one may be large; its indexes are the business of
`server.py indexes`). Several servers doing this at once do not disturb each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pymongo
from pymongo.errors import CollectionInvalid, OperationFailure

from core.data.connection import Connection
from core.errors import DuplicateKey, NotConnected, StoreError
from core.schema.indexes import IndexSpec
from core.schema.model import Model, build_indexes, collection_name

_BUILD_S: Final = 3600.0
_NAMESPACE_EXISTS: Final = 48
_CONFLICTS: Final = frozenset({85, 86})


async def ensure_collections(connection: Connection, models: Sequence[type[Model]]) -> None:
    """Make the collections that are missing, with options and indexes; leave existing ones alone.

    Raises:
        StoreError: a collection or an index cannot be made.
    """
    if not models:
        return
    database = connection.database(background=True)
    existing = set(await connection.calls.run(database.list_collection_names()))
    for model in models:
        if collection_name(model) in existing:
            continue
        # Without options createIndexes makes the collection too: it never exists without its indexes.
        if model.collection_options or not build_indexes(model):
            await connection.calls.run(_create(connection, model))
        await ensure_indexes(connection, model)


async def ensure_indexes(connection: Connection, model: type[Model]) -> list[str]:
    """Create the indexes of a model that are missing; returns the names of all of them.

    Raises:
        StoreError: lists every index that cannot be built, and why.
    """
    specs = build_indexes(model)
    problems: list[str] = []
    for group in (specs, *([spec] for spec in specs)) if len(specs) > 1 else (specs,):
        try:
            await connection.calls.run(_build(connection, model, group), wait_s=_BUILD_S)
        except NotConnected:
            raise
        except StoreError as error:
            if len(group) == 1:
                problems.append(_explain(error, group[0], model))
            continue
        if group is specs:
            break
    if problems:
        raise StoreError("; ".join(problems))
    return [spec.name for spec in specs]


async def _create(connection: Connection, model: type[Model]) -> None:
    database = connection.database(background=True)
    try:
        await database.create_collection(collection_name(model), check_exists=False, **dict(model.collection_options))
    except CollectionInvalid:
        return
    except OperationFailure as error:
        if error.code != _NAMESPACE_EXISTS:  # another server was faster
            raise


async def _build(connection: Connection, model: type[Model], specs: Sequence[IndexSpec]) -> None:
    if not specs:
        return
    collection = connection.database(background=True)[collection_name(model)]
    indexes = [pymongo.IndexModel(list(spec.keys), name=spec.name, **spec.options) for spec in specs]
    with pymongo.timeout(None if connection.is_memory else _BUILD_S):
        await collection.create_indexes(indexes)


def _explain(error: StoreError, spec: IndexSpec, model: type[Model]) -> str:
    where = f"index '{spec.name}' of model {model.__name__} (collection '{collection_name(model)}')"
    fields = ", ".join(str(field) for field, _ in spec.keys)
    if isinstance(error, DuplicateKey):
        return f"{where} cannot be unique: stored documents share the same {fields}"
    if isinstance(error.__cause__, OperationFailure) and error.__cause__.code in _CONFLICTS:
        return f"{where} exists with other fields or options; drop it first (server.py indexes --prune)"
    return f"{where} cannot be built: {error}"
