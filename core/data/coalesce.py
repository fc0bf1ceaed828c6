"""Point reads, inserts and equal lists of one turn of the event loop as one call of the driver, which is what costs.

In: keys of unique fields, queries, and documents, checked by those who ask. Out: to each its own document, list or
outcome. One `Coalescer` per collection and client, in the worker: requests come and go. A group that was sent is
never joined and never sent again. The rules: decision 0016. Before: `reads.py`, `collection.py`.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from contextvars import Context
from functools import partial
from time import monotonic
from typing import Any, Final, NamedTuple
from uuid import UUID

import bson
from bson import Int64, ObjectId
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import AutoReconnect, BulkWriteError, NotPrimaryError, ServerSelectionTimeoutError

from core.data.connection import Connection, Document, in_bulk
from core.data.errors import DRIVER_ERRORS, to_store_error
from core.errors import NotConnected, StoreError

#: the answer to a read that must be asked alone: one document of its group could not be decoded or matched
ALONE: Final = object()
_INSERT: Final = ""
_GROUP: Final = 100
_GROUP_BYTES: Final = 1_000_000
_KEY_BYTES: Final = 1024
_IN_FLIGHT: Final = 2
_PATIENCE_S: Final = 0.25
_QUEUE: Final = 2000
_KEYS: Final = frozenset({ObjectId, str, int, UUID, bytes})
_INT64: Final = 1 << 63
_COMMAND: Final = {"find": "", "limit": 1, "singleBatch": True, "readConcern": {"level": "majority"}}


class _Entry(NamedTuple):
    """A key, document or query, who waits for it, and until when."""

    item: Any
    waiter: asyncio.Future[Any]
    until: float

    def resolve(self, value: Any) -> None:
        if not self.waiter.done():
            self.waiter.set_result(value)

    def refuse(self, error: Exception) -> None:
        if not self.waiter.done():
            self.waiter.set_exception(error)


class Coalescer:
    """Gathers the calls of a collection; `sizes` counts its groups by kind (`read insert list`) and size."""

    def __init__(self, connection: Connection, driver: AsyncCollection[Document]) -> None:
        self.sizes: Counter[tuple[str, int]] = Counter()
        self._connection, self._name, self._driver = connection, connection.name, driver
        self._options = driver.codec_options
        self._queues: dict[str | bytes, deque[_Entry]] = {}  # by field of the key, `_INSERT`, or the BSON of a query
        self._in_flight: dict[str | bytes, set[asyncio.Task[None]]] = {}
        self._is_due = False

    async def read(self, field: str, key: Any) -> Any:
        """The document with this value of a unique field, `None`, or `ALONE`."""
        key = _plain(key)
        return await self._put(field, key) if _is_key(key) else ALONE

    async def find(self, query: Document) -> list[Document]:
        """What a `find` with these arguments gives."""
        found: list[Document] = await self._put(self._encode(query), query)
        return found

    async def insert(self, document: Document) -> None:
        """Store a document with an `_id`."""
        await self._put(_INSERT, RawBSONDocument(self._encode(document)))

    def _encode(self, document: Document) -> bytes:
        try:
            return bson.encode(document, codec_options=self._options)
        except DRIVER_ERRORS as error:
            raise to_store_error(error, self._name) from error

    def _share(self, found: Any, entries: Sequence[_Entry]) -> None:
        """Give the first what was found, and each of the others a copy."""
        raw = self._encode({"v": found}) if len(entries) > 1 else b""
        for number, entry in enumerate(entries):
            entry.resolve(bson.decode(raw, self._options)["v"] if number else found)

    async def _put(self, name: str | bytes, item: Any) -> Any:
        self._connection.max_time_ms()  # no time left is said before anything is sent
        queue = self._queues.setdefault(name, deque())
        if len(queue) >= _QUEUE:
            raise NotConnected(self._name) from OverflowError("too many operations wait already")
        entry = _Entry(item, asyncio.get_running_loop().create_future(), self._connection.until())
        queue.append(entry)
        self._schedule()
        return await self._connection.wait(entry.waiter, entry.until)

    def _schedule(self) -> None:
        if self._queues and not self._is_due:
            self._is_due = True
            # In a context of its own: the deadline of the first caller is none of its neighbours' business.
            asyncio.get_running_loop().call_soon(self._flush, context=Context())

    def _flush(self) -> None:
        self._is_due = False
        for name, queue in [*self._queues.items()]:
            while len(self._in_flight.get(name, ())) < _IN_FLIGHT and (group := _take(queue)):
                task = self._connection.start(self._send(name, group))
                self._in_flight.setdefault(name, set()).add(task)
                task.add_done_callback(partial(self._release, name))
                if name == _INSERT:  # one document may have to wait until a transaction ends; the next ones need not
                    asyncio.get_running_loop().call_later(_PATIENCE_S, self._release, name, task)
            if not queue:
                del self._queues[name]

    def _release(self, name: str | bytes, task: asyncio.Task[None]) -> None:
        """Let another group go instead of this one."""
        self._in_flight[name] = self._in_flight.get(name, set()) - {task}
        if not self._in_flight[name]:
            del self._in_flight[name]
        self._schedule()

    async def _send(self, name: str | bytes, group: Sequence[_Entry]) -> None:
        """One call of the driver; whatever happens, nobody is left waiting."""
        kind = "list" if isinstance(name, bytes) else "read" if name else "insert"
        self.sizes[kind, len(group)] += 1
        limit_s = max(entry.until for entry in group) - monotonic()
        try:
            if name == _INSERT:
                await self._insert(group)
            elif isinstance(name, str):
                await self._read(name, group, self._connection.max_time_ms(limit_s))
            else:
                query = group[0].item | {"max_time_ms": self._connection.max_time_ms(limit_s)}
                self._share(await self._driver.find(**query).to_list(), group)
        except (StoreError, *DRIVER_ERRORS) as error:
            # Whoever waits behind a group that found no server would find none either.
            behind = self._queues.pop(name, ()) if isinstance(error, ServerSelectionTimeoutError) else ()
            for entry in (*group, *behind):
                entry.refuse(to_store_error(error, self._name) if isinstance(error, StoreError) else error)
        finally:
            for entry in group:
                entry.refuse(TimeoutError("the outcome is not known"))

    async def _read(self, field: str, group: Sequence[_Entry], limit_ms: int) -> None:
        if len(group) == 1:
            return group[0].resolve(await self._read_one({field: group[0].item}, limit_ms))
        entries: dict[tuple[type, Any], list[_Entry]] = {}
        for entry in group:
            entries.setdefault((type(entry.item), entry.item), []).append(entry)
        most = len(entries) + 1
        query = {field: {"$in": [key for _, key in entries]}}
        is_whole = True  # whether nobody but the server knows more: equal numbers of two types, lists, collations
        try:
            documents = await self._driver.find(query, limit=most, batch_size=most, max_time_ms=limit_ms).to_list()
        except BSONError:
            documents, is_whole = [], False
        for document in documents:
            key = _plain(document.get(field))
            waiting = entries.pop((type(key), key), []) if type(key) in _KEYS else []
            is_whole = is_whole and bool(waiting)
            self._share(document, waiting)
        for left in entries.values():
            for entry in left:
                entry.resolve(None if is_whole else ALONE)
        return None

    async def _read_one(self, query: Document, limit_ms: int) -> Any:
        """As `find_one`, by a command, which costs a fifth less; after a lost connection as the driver repeats it."""
        if not self._connection.is_memory:
            command = _COMMAND | {"find": self._driver.name, "filter": query, "maxTimeMS": limit_ms}
            try:
                reply = await self._driver.database.command(command, codec_options=self._options)
                return next(iter(reply["cursor"]["firstBatch"]), None)
            except AutoReconnect as error:
                # The driver has repeated what has this label; and what is of another type took its time already.
                if error.has_error_label("RetryableError") or type(error) not in (AutoReconnect, NotPrimaryError):
                    raise
        return await self._driver.find_one(query, max_time_ms=limit_ms)

    async def _insert(self, group: Sequence[_Entry]) -> None:
        try:
            if len(group) == 1:
                await self._driver.insert_one(group[0].item)
            else:
                await in_bulk(self._driver.insert_many, [entry.item for entry in group], ordered=False)
        except BulkWriteError as error:
            details = error.details or {}
            failures = details["writeErrors"]
            if details.get("writeConcernErrors") or details["nInserted"] + len(failures) != len(group):
                return  # who was stored is not known
            for one in failures:
                group[one["index"]].refuse(BulkWriteError({"writeErrors": [one]}))
        for entry in group:
            entry.resolve(None)


def _plain(key: Any) -> Any:
    """The driver reads long integers as a type of its own."""
    return int(key) if type(key) is Int64 else key


def _is_key(key: Any) -> bool:
    """Whether many such values can be asked for at once: told apart by type and value, and never poison."""
    if type(key) is str:
        return len(key) <= _KEY_BYTES and (key.isascii() or key == key.encode(errors="ignore").decode())
    if type(key) is int:
        return -_INT64 <= key < _INT64
    return type(key) in _KEYS and (type(key) is not bytes or len(key) <= _KEY_BYTES)


def _take(queue: deque[_Entry]) -> list[_Entry]:
    """The next group; those whose caller has gone are dropped."""
    group: list[_Entry] = []
    size = 0
    while queue and len(group) < _GROUP:
        size += len(queue[0].item.raw) if type(queue[0].item) is RawBSONDocument else 0
        if size > _GROUP_BYTES and group:
            break
        entry = queue.popleft()
        if not entry.waiter.done():
            group.append(entry)
    return group
