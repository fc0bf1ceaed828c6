"""The one border that driver errors cross: driver error in, `StoreError` out, the cause chained.

In: whatever `pymongo` or `bson` raised. Out: `DuplicateKey` (which index), `NotConnected` (try again: unreachable, no
connection free, no time left, lost a race), or a readable `StoreError`. Nothing above `data/` knows a driver exception.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from bson.errors import BSONError
from pymongo.errors import BulkWriteError, ConnectionFailure, OperationFailure, PyMongoError, WriteConcernError

from core.errors import DuplicateKey, NotConnected, StoreError

# The driver raises plain errors too: for values it cannot encode, and arguments that make no sense.
DRIVER_ERRORS: Final = (PyMongoError, TimeoutError, BSONError, OverflowError, RecursionError, TypeError, ValueError)
_DUPLICATE: Final = 11000
# Shutdown, step-down, no primary, shard out of reach, interrupted, lock or time limit, write conflict: may pass.
_PASSING: Final = {6, 7, 24, 46, 50, 64, 89, 91, 112, 133, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436}
_TRANSIENT: Final = "TransientTransactionError"
_INDEX: Final = re.compile(r"index: (.+?) dup key")


class NotSupported(StoreError):
    """The database at hand cannot do this: the in-memory stand-in, or a server that is no replica set."""


def to_store_error(error: BaseException, name: str) -> StoreError:
    """What to raise instead of one of `DRIVER_ERRORS`, `from` it; `name` is the database's in the settings."""
    if isinstance(error, StoreError):
        return type(error)(*error.args)
    if isinstance(error, TimeoutError):
        return NotConnected(name)
    if not isinstance(error, PyMongoError):
        return StoreError(f"a value cannot be stored or asked for: {error}")
    details: Any = getattr(error, "details", None) or {}
    failures: list[Mapping[str, Any]] = details["writeErrors"] if isinstance(error, BulkWriteError) else [details]
    if isinstance(error, WriteConcernError) or details.get("writeConcernErrors"):
        return NotConnected(name)  # written, but not known to survive
    codes = {getattr(error, "code", None), *(failure.get("code") for failure in failures)}
    if _DUPLICATE in codes:
        failure = next((one for one in failures if one.get("code") == _DUPLICATE), details)
        named = _INDEX.search(str(failure.get("errmsg") or error))
        return DuplicateKey(named[1] if named else "_".join(failure.get("keyPattern", {})) or "unknown")
    if isinstance(error, ConnectionFailure) or error.timeout or codes & _PASSING or error.has_error_label(_TRANSIENT):
        return NotConnected(name)
    reasons = "; ".join(str(failure["errmsg"]) for failure in failures[:3] if "errmsg" in failure) or error
    return StoreError(f"database '{name}'{' refused' if isinstance(error, OperationFailure) else ''}: {reasons}")
