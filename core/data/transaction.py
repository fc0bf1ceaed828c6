"""Several writes that happen together or not at all.

In: `async with db.transaction():` around calls of `Collection`. Out: a commit, or nothing changed. The calls
find the transaction in a context variable. One client, one call at a time; no outside I/O inside, at most a
second and a thousand documents: see "Transactions" in the docs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, TypeVar

import pymongo
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from core.data.connection import Connection
from core.data.deadline import remaining_s
from core.data.errors import NotSupported
from core.errors import StoreError

T = TypeVar("T")
_current: ContextVar[Transaction | None] = ContextVar("catena_transaction", default=None)


def current_transaction() -> Transaction | None:
    """The transaction that the caller is in; not one that ended since its task was started."""
    transaction = _current.get()
    return None if transaction is None or transaction.session is None else transaction


class Transaction:
    """An `async with` block; made by `Databases.transaction()`. It has a session while it is open."""

    def __init__(self, connection: Connection) -> None:
        self.session: AsyncClientSession | None = None
        self._connection = connection
        self._token: Token[Transaction | None]
        self._idle = asyncio.Event()
        self._idle.set()

    async def __aenter__(self) -> None:
        connection = self._connection
        if current_transaction() is not None:
            raise StoreError("a transaction is already open here; they cannot be nested")
        if connection.is_memory:
            raise NotSupported("the in-memory database has no transactions")
        if not connection.can_transact and await connection.probe() and not connection.can_transact:
            raise NotSupported(f"database '{connection.name}' is no replica set, so it has no transactions")
        limit_ms = connection.calls.max_time_ms()
        session = connection.database().client.start_session()
        concern = WriteConcern("majority", wtimeout=limit_ms)
        await session.start_transaction(ReadConcern("snapshot"), concern, max_commit_time_ms=limit_ms)
        self.session, self._token = session, _current.set(self)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _current.reset(self._token)
        session, self.session = self.session, None
        assert session is not None
        run = self._connection.calls.run
        if kind is None and self._idle.is_set():
            await run(self._commit(session))
            return
        with suppress(StoreError):  # the server undoes it by itself; the error under way says more
            await run(self._abort(session))
        if kind is None:
            raise StoreError("a transaction ended while a call inside was still running; await every call")

    def join(self, connection: Connection, *, background: bool) -> AsyncClientSession | None:
        """The session for one call.

        Raises:
            StoreError: another call is under way, or the call is for another client.
        """
        if background:
            raise StoreError("a transaction runs on the client for requests; db.background cannot take part")
        if connection is not self._connection:
            raise StoreError(f"a transaction on database '{self._connection.name}' cannot reach '{connection.name}'")
        if not self._idle.is_set():
            raise StoreError("a transaction does one call at a time: no gather inside")
        return self.session

    async def run(self, call: Coroutine[Any, Any, T]) -> T:
        """Run one call of the transaction."""
        self._idle.clear()
        return await self._connection.calls.run(self._track(call))

    async def _track(self, call: Coroutine[Any, Any, T]) -> T:
        try:
            return await call
        finally:
            self._idle.set()

    async def _commit(self, session: AsyncClientSession) -> None:
        """Commit; again while its outcome is unknown and there is time. The server commits only once."""
        async with session:
            with pymongo.timeout(self._connection.calls.max_time_ms() / 1000):
                while True:
                    try:
                        return await session.commit_transaction()
                    except PyMongoError as error:
                        unknown = error.has_error_label("UnknownTransactionCommitResult")
                        if error.timeout or not unknown or remaining_s() < 0.1:
                            raise
                        await asyncio.sleep(0.05)

    async def _abort(self, session: AsyncClientSession) -> None:
        """Undo everything, after the call that is still under way (a cancelled caller leaves one behind)."""
        await self._idle.wait()
        async with session:
            await session.abort_transaction()
