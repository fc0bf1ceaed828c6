"""Several writes that happen together or not at all.

In: `async with db.transaction():` around calls of `Collection`, which find it in a context variable. Out: a
commit, or nothing changed. One client, one call at a time; no outside I/O inside, at most a second and a
thousand documents: see "Transactions" in the docs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Any, TypeVar

import pymongo
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from core.data.connection import Connection
from core.data.errors import NotSupported
from core.errors import StoreError

T = TypeVar("T")
_log = logging.getLogger("catena.data")
_UNDO_S = 0.2  # whoever was cancelled goes on at once, also when nobody answers
_current: ContextVar[Transaction | None] = ContextVar("catena_transaction", default=None)


def current_transaction() -> Transaction | None:
    """The transaction that the caller is in; not one that ended since its task was started."""
    transaction = _current.get()
    return transaction if transaction is not None and transaction.is_open else None


@asynccontextmanager
async def open_transaction(
    connection: Connection, *, background: bool = False, sessions: Sessions | None = None
) -> AsyncIterator[None]:
    """The block of `Databases.transaction()`; with `background` on the client for work that is no request."""
    if current_transaction() is not None:
        raise StoreError("a transaction is already open here; they cannot be nested")
    if not connection.can_transact and await connection.probe() and not connection.can_transact:
        raise NotSupported(f"database '{connection.name}' is no replica set, so it has no transactions")
    limit_ms = connection.max_time_ms()
    start = connection.database(background=background).client.start_session
    session = start() if sessions is None else await sessions.take(start)
    concern = WriteConcern("majority", wtimeout=limit_ms)
    await session.start_transaction(ReadConcern("snapshot"), concern, max_commit_time_ms=limit_ms)
    transaction = Transaction(connection, session, sessions, background=background)
    token = _current.set(transaction)
    try:
        yield
    except BaseException:
        with suppress(StoreError):  # the server undoes it by itself; the error under way says more
            await connection.run(transaction.end(commit=False), limit_s=_UNDO_S)
        raise
    else:
        await connection.run(transaction.end(commit=True))
    finally:
        _current.reset(token)


class Transaction:
    """The session that the calls of a block share."""

    def __init__(
        self, connection: Connection, session: AsyncClientSession, sessions: Sessions | None, *, background: bool
    ) -> None:
        self.is_open = True
        self._is_background = background
        self._connection = connection
        self._session, self._sessions = session, sessions
        self._turn = asyncio.Lock()

    def join(self, connection: Connection, *, background: bool) -> AsyncClientSession:
        """The session for one call; `StoreError` for a call over another client."""
        if background is not self._is_background:
            raise StoreError("a transaction runs on one client: db and db.background cannot take part in the same one")
        if connection is not self._connection:
            raise StoreError(f"a transaction on database '{self._connection.name}' cannot reach '{connection.name}'")
        return self._session

    async def run(self, call: Coroutine[Any, Any, T]) -> T:
        """Run one call, after those that are still under way (a cancelled caller leaves one behind)."""

        async def take_turn() -> T:
            async with self._turn:
                return await call

        return await self._connection.run(take_turn())

    async def end(self, *, commit: bool) -> None:
        """Commit (again while its outcome is unknown and there is time: the server commits once) or undo all."""
        self.is_open = False
        async with self._turn:
            try:
                if not commit:
                    return await self._session.abort_transaction()
                with pymongo.timeout(self._connection.max_time_ms() / 1000):
                    await self._session.commit_transaction()
            finally:
                if self._sessions is None:
                    await self._session.end_session()
                else:
                    self._sessions.idle.append(self._session)


class Sessions:
    """Sessions of an owner that may be lost: `announce` learns of each before it holds anything, for `end_sessions`."""

    def __init__(self, announce: Callable[[Any], Awaitable[None]]) -> None:
        self._announce, self.idle = announce, list[AsyncClientSession]()

    async def take(self, start: Callable[[], AsyncClientSession]) -> AsyncClientSession:
        """One that nobody uses; it comes back to `idle` once its transaction has ended."""
        if self.idle:
            return self.idle.pop()
        session = start()
        await self._announce(session.session_id)
        return session


async def end_sessions(connection: Connection, announced: Sequence[Any]) -> None:
    """Undo what is open over sessions of an owner that was lost; the server would wait for it for a minute."""
    database = connection.database(background=True)
    try:
        await connection.run(database.command("killSessions", list(announced), codec_options=database.codec_options))
    except StoreError as error:
        _log.warning("sessions cannot be ended: %s", error, extra={"action": "db.sessions"})
