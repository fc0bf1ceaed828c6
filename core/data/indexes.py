"""Collections and indexes, made when they are missing.

In: models. Out: what the database needs for them, and what stands in the way. At start only missing collections
are made (an existing one may be large; its indexes are the business of `server.py indexes`). Several servers
doing this at once do not disturb each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import pymongo

from core.data.connection import Connection
from core.errors import DuplicateKey, NotConnected, StoreError
from core.schema.model import IndexSpec, Model, build_indexes

_BUILD_S: Final = 3600.0
_EXISTS: Final = 48


@dataclass(frozen=True, slots=True)
class IndexChanges:
    """Names of indexes that were created and dropped, and a sentence for each that could not be."""

    created: Sequence[str]
    dropped: Sequence[str]
    conflicts: Sequence[str]

    def lines(self) -> Iterator[str]:
        """The changes for people."""
        yield from (f"created {name}" for name in self.created)
        yield from (f"dropped {name}" for name in self.dropped)
        yield from self.conflicts


async def ensure_collections(connection: Connection, models: Sequence[type[Model]]) -> None:
    """Make the collections that are missing, with options and indexes; `StoreError` when one cannot be made."""
    database, run = connection.database(background=True), connection.run
    existing = await run(database.list_collection_names())
    for model in [model for model in models if model.collection not in existing]:
        # Without options createIndexes makes the collection too: it never exists without its indexes.
        if model.collection_options or not build_indexes(model):
            options = {"check_exists": False, **model.collection_options}
            try:
                await run(database.create_collection(model.collection, **options))
            except StoreError as error:
                if getattr(error.__cause__, "code", None) != _EXISTS:  # another server was faster
                    raise
        changes = await ensure_indexes(connection, model)
        if changes.conflicts:
            raise StoreError("; ".join(changes.conflicts))


async def ensure_indexes(connection: Connection, model: type[Model], *, prune: bool = False) -> IndexChanges:
    """Create the indexes of a model that are missing; with `prune`, drop those it does not declare first."""
    collection, run = connection.database(background=True)[model.collection], connection.run

    async def build(specs: Sequence[IndexSpec]) -> None:
        indexes = [pymongo.IndexModel(list(spec.keys), name=spec.name, **spec.options) for spec in specs]
        with pymongo.timeout(_BUILD_S):
            await collection.create_indexes(indexes)

    specs = build_indexes(model)
    existing = await run(collection.index_information())
    unknown = sorted(existing.keys() - {spec.name for spec in specs} - {"_id_"}) if prune else []
    for name in unknown:
        await run(collection.drop_index(name))
    conflicts: dict[str, str] = {}
    for group in (specs, *([spec] for spec in specs)) if specs else ():
        try:
            await run(build(group), limit_s=_BUILD_S)
            if group is specs:
                break
        except NotConnected:
            raise
        except StoreError as error:
            if group is not specs:
                reason = "stored documents share a value" if isinstance(error, DuplicateKey) else error
                where = f"index '{group[0].name}' of model {model.__name__}"
                conflicts[group[0].name] = f"{where} cannot be built: {reason}"
    created = [spec.name for spec in specs if spec.name not in existing and spec.name not in conflicts]
    return IndexChanges(created, unknown, list(conflicts.values()))
