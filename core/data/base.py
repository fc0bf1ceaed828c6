"""What every verb of a collection shares: the driver's collection, guards, one way to call it.

In: a model and a connection. Out: the parts that `reads.py` and `writes.py` build on. Files: `collection.py`
joins them; `coalesce.py` slots in at `_read_point` and `_insert_document`.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Generic, TypeVar

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection

from core.data.connection import Connection, Document
from core.data.filter import check_filter
from core.data.transaction import current_transaction
from core.errors import StoreError
from core.schema.model import Model, collection_name, from_document

M = TypeVar("M", bound=Model)
T = TypeVar("T")
Filter = Mapping[str, Any]
Sort = str | Sequence[str]
Projection = Mapping[str, Any] | Sequence[str]


class CollectionBase(Generic[M]):
    """A model's collection without its verbs."""

    def __init__(self, model: type[M], connection: Connection, *, background: bool = False) -> None:
        self.model = model
        self._connection = connection
        self._is_background = background
        self._calls = connection.calls
        self._shard_key: tuple[str, ...] = tuple(model.shard_key or ())
        database = connection.database(background=background)
        self._driver: AsyncCollection[Document] = database[collection_name(model)]

    @property
    def raw(self) -> AsyncCollection[Document]:
        """The driver's own collection: no checks, no deadlines, driver errors."""
        return self._driver

    @property
    def name(self) -> str:
        """The name of the collection."""
        return self._driver.name

    def _session(self) -> AsyncClientSession | None:
        """The session of the transaction that the caller is in."""
        transaction = current_transaction()
        if transaction is None:
            return None
        if self._is_background:
            raise StoreError("a transaction runs on the client for requests; db.background cannot take part")
        return transaction.session

    async def _run(self, call: Coroutine[Any, Any, T], wait_s: float | None = None) -> T:
        """Run one driver call, inside the transaction if there is one."""
        transaction = current_transaction()
        if transaction is None:
            return await self._calls.run(call, wait_s=wait_s)
        return await transaction.run(self._connection, call)

    def _guard(self, filter: Filter | None, ignore_shard_key: bool) -> Document:
        """A copy-free filter for the driver, checked.

        Raises:
            StoreError: it holds server-side JavaScript, or lacks fields of the shard key.
        """
        asked: Document = filter if type(filter) is dict else dict(filter or {})
        check_filter(asked)
        if self._shard_key and not ignore_shard_key:
            missing = [field for field in self._shard_key if field not in asked]
            if missing:
                raise StoreError(
                    f"a query of {self.model.__name__} lacks {', '.join(missing)} of its shard key; "
                    "name every field, or pass ignore_shard_key=True"
                )
        return asked

    def _to_model(self, document: Document | None) -> M | None:
        return None if document is None else from_document(self.model, document)


def parse_sort(sort: Sort | None) -> list[tuple[str, int]] | None:
    """`"name"`, `"-name"` or several of them → the driver's form.

    Raises:
        StoreError: a name is empty.
    """
    if not sort:
        return None
    names = [sort] if isinstance(sort, str) else sort
    pairs = [(name[1:], -1) if name[:1] == "-" else (name, 1) for name in names]
    if not all(name for name, _ in pairs):
        raise StoreError(f"a sort needs field names, not {sort!r}")
    return pairs
