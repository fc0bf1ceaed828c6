"""The one border that driver errors cross: driver error in, `StoreError` out, the cause chained.

In: whatever `pymongo`, `bson` or the in-memory stand-in raised. Out: `DuplicateKey` (which index),
`NotConnected` (try again: unreachable, no connection free, no time left, lost a race), or a `StoreError`
with a readable text. Nothing above `data/` knows a driver exception.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from bson.errors import BSONError
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)

from core.errors import DuplicateKey, NotConnected, StoreError

# The driver raises plain errors too: for values it cannot encode, and arguments that make no sense.
DRIVER_ERRORS: Final = (
    PyMongoError, BSONError, OverflowError, RecursionError, TypeError, ValueError, NotImplementedError,
)  # fmt: skip
_DUPLICATE: Final = 11000
_AUTHENTICATION: Final = frozenset({13, 18, 8000})
# Shutdown, step-down, no primary, interrupted, lock or time limit, write conflict: a later try may succeed.
_PASSING: Final = frozenset({24, 46, 50, 89, 91, 112, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436})
_INDEX: Final = re.compile(r"index: (.+?) dup key")


class NotSupported(StoreError):
    """The database at hand cannot do this: the in-memory stand-in, or a server that is no replica set."""


def to_store_error(error: BaseException, name: str) -> StoreError:
    """The error to raise instead, `from error`.

    Args:
        error: one of `DRIVER_ERRORS`.
        name: the database, as in the settings.
    """
    if isinstance(error, BulkWriteError):
        return _from_bulk(error, name)
    if isinstance(error, OperationFailure) and error.code == _DUPLICATE:
        return DuplicateKey(index_of(error.details or {}, str(error)))
    if _is_passing(error):
        return NotConnected(name)
    if isinstance(error, OperationFailure):
        if error.code in _AUTHENTICATION:
            return StoreError(f"database '{name}' refused the credentials or the operation: {_text(error)}")
        return StoreError(f"database '{name}' refused: {_text(error)}")
    if isinstance(error, NotImplementedError):
        return NotSupported(f"the in-memory database cannot do this: {error}")
    if isinstance(error, PyMongoError):
        return StoreError(f"database '{name}': {error}")
    if isinstance(error, RecursionError):
        return StoreError("a document is nested too deep to be stored")
    return StoreError(f"a value cannot be stored or asked for: {error}")


def index_of(details: Mapping[str, Any], message: str) -> str:
    """The name of the index that a duplicate-key error is about; its fields where no name is given."""
    match = _INDEX.search(message)
    return match[1] if match else "_".join(details.get("keyPattern", {})) or "unknown"


def _is_passing(error: BaseException) -> bool:
    if isinstance(error, ConnectionFailure | ExecutionTimeout | WTimeoutError):
        return True
    if not isinstance(error, PyMongoError):
        return False
    if error.timeout or error.has_error_label("TransientTransactionError"):
        return True
    return isinstance(error, OperationFailure) and error.code in _PASSING


def _from_bulk(error: BulkWriteError, name: str) -> StoreError:
    failures = error.details.get("writeErrors", [])
    duplicate = next((failure for failure in failures if failure.get("code") == _DUPLICATE), None)
    if duplicate is not None:
        return DuplicateKey(index_of(duplicate, duplicate.get("errmsg", "")))
    if error.timeout or error.details.get("writeConcernErrors") or any(f.get("code") in _PASSING for f in failures):
        return NotConnected(name)
    reasons = "; ".join(str(failure.get("errmsg")) for failure in failures[:3]) or str(error)
    return StoreError(f"database '{name}' refused: {reasons}")


def _text(error: OperationFailure) -> str:
    return str((error.details or {}).get("errmsg") or error)
