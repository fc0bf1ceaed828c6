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
from pymongo.errors import BulkWriteError, ConnectionFailure, OperationFailure, PyMongoError

from core.errors import DuplicateKey, NotConnected, StoreError

# The driver raises plain errors too: for values it cannot encode, and arguments that make no sense.
DRIVER_ERRORS: Final = (
    PyMongoError, BSONError, OverflowError, RecursionError, TypeError, ValueError, NotImplementedError,
)  # fmt: skip
_DUPLICATE: Final = 11000
# Shutdown, step-down, no primary, interrupted, lock or time limit, write conflict: a later try may succeed.
_PASSING: Final = frozenset({24, 46, 50, 64, 89, 91, 112, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436})
_INDEX: Final = re.compile(r"index: (.+?) dup key")


class NotSupported(StoreError):
    """The database at hand cannot do this: the in-memory stand-in, or a server that is no replica set."""


def to_store_error(error: BaseException, name: str) -> StoreError:
    """The error to raise instead, `from error`.

    Args:
        error: one of `DRIVER_ERRORS`.
        name: the database, as in the settings.
    """
    if isinstance(error, OperationFailure):
        failures: list[Mapping[str, Any]] = [error.details or {}]
        if isinstance(error, BulkWriteError):
            failures = error.details["writeErrors"] + error.details.get("writeConcernErrors", [])
        return _from_failures(error, failures, name)
    if isinstance(error, ConnectionFailure) or (isinstance(error, PyMongoError) and error.timeout):
        return NotConnected(name)
    if isinstance(error, NotImplementedError):
        return NotSupported(f"the in-memory database cannot do this: {error}")
    if isinstance(error, PyMongoError):
        return StoreError(f"database '{name}': {error}")
    if isinstance(error, RecursionError):
        return StoreError("a document is nested too deep to be stored")
    return StoreError(f"a value cannot be stored or asked for: {error}")


def _from_failures(error: OperationFailure, failures: list[Mapping[str, Any]], name: str) -> StoreError:
    """What the server refused: one operation, or some of a bulk write."""
    codes = {error.code, *(failure.get("code") for failure in failures)}
    if _DUPLICATE in codes:
        return DuplicateKey(index_of(next((one for one in failures if one.get("code") == _DUPLICATE), {}), str(error)))
    if codes & _PASSING or error.timeout or error.has_error_label("TransientTransactionError"):
        return NotConnected(name)
    reasons = "; ".join(str(failure["errmsg"]) for failure in failures[:3] if "errmsg" in failure)
    return StoreError(f"database '{name}' refused: {reasons or error}")


def index_of(details: Mapping[str, Any], message: str) -> str:
    """The name of the index that a duplicate-key error is about; its fields where no name is given."""
    match = _INDEX.search(str(details.get("errmsg", ""))) or _INDEX.search(message)
    return match[1] if match else "_".join(details.get("keyPattern", {})) or "unknown"
