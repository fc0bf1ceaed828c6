"""Every driver error becomes one of three of ours, with a text that helps and no value in it that could leak."""

from __future__ import annotations

import pytest
from bson.errors import InvalidDocument
from pymongo import errors

from core.data.errors import to_store_error
from core.errors import DuplicateKey, NotConnected, StoreError

DUPLICATE = 'E11000 duplicate key error collection: a.b index: name dup key: { name: "index: x dup key" }'


def labelled(label: str) -> errors.PyMongoError:
    error = errors.OperationFailure("conflict", 9999)
    error._add_error_label(label)
    return error


@pytest.mark.parametrize(
    "error",
    [
        errors.AutoReconnect("x"),
        errors.NetworkTimeout("x"),
        errors.NotPrimaryError("x"),
        errors.ServerSelectionTimeoutError("x"),
        errors.WaitQueueTimeoutError("x"),
        errors.ConnectionFailure("x"),
        errors.ExecutionTimeout("x", 50),
        errors.WTimeoutError("x", 64),
        errors.OperationFailure("shutting down", 91),
        errors.OperationFailure("stepped down", 189),
        errors.OperationFailure("write conflict", 112),
        errors.OperationFailure("a shard cannot be reached", 6),
        errors.OperationFailure("a shard has no primary", 133),
        labelled("TransientTransactionError"),
        errors.BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": 64}]}),
        errors.BulkWriteError({"writeErrors": [{"code": 189, "errmsg": "x"}], "writeConcernErrors": []}),
    ],
    ids=lambda error: f"{type(error).__name__}-{getattr(error, 'code', '')}",
)
def test_what_may_work_later_is_not_connected(error: Exception) -> None:
    mapped = to_store_error(error, "main")
    assert type(mapped) is NotConnected
    assert mapped.name == "main"


@pytest.mark.parametrize(
    "error",
    [
        errors.DuplicateKeyError(DUPLICATE, 11000, {"keyPattern": {"name": 1}}),
        errors.OperationFailure(DUPLICATE, 11000),
        errors.BulkWriteError({"writeErrors": [{"code": 121}, {"code": 11000, "errmsg": DUPLICATE}]}),
    ],
)
def test_a_duplicate_names_its_index(error: Exception) -> None:
    mapped = to_store_error(error, "main")
    assert isinstance(mapped, DuplicateKey)
    assert mapped.index == "name"


@pytest.mark.parametrize(
    ("details", "message", "expected"),
    [
        (None, DUPLICATE, "name"),
        ({}, "E11000 index: a.b_1 dup key: {}", "a.b_1"),
        ({"keyPattern": {"a": 1, "b": -1}}, "E11000 in other words", "a_b"),
        ({}, "E11000 in other words", "unknown"),
    ],
)
def test_the_name_of_the_index(details: dict[str, object] | None, message: str, expected: str) -> None:
    mapped = to_store_error(errors.DuplicateKeyError(message, 11000, details), "main")
    assert isinstance(mapped, DuplicateKey)
    assert mapped.index == expected


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            errors.OperationFailure("no", 18, {"errmsg": "Authentication failed."}),
            "database 'main' refused: Authentication failed.",
        ),
        (errors.OperationFailure("bad $x", 2), "database 'main' refused: bad $x"),
        (errors.InvalidOperation("closed"), "database 'main': closed"),
        (errors.BulkWriteError({"writeErrors": [{"code": 121, "errmsg": "bad"}]}), "refused: bad"),
        (InvalidDocument("cannot encode object"), "cannot be stored or asked for: cannot encode object"),
        (OverflowError("8-byte ints"), "cannot be stored or asked for: 8-byte ints"),
        (RecursionError("too deep"), "cannot be stored or asked for: too deep"),
        (TypeError("filter must be"), "cannot be stored or asked for: filter must be"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_anything_else_is_readable(error: Exception, message: str) -> None:
    mapped = to_store_error(error, "main")
    assert type(mapped) is StoreError
    assert message in str(mapped)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (NotConnected("main"), "database 'main' cannot be reached, or is too busy"),
        (DuplicateKey("name"), "the index 'name' holds this value already"),
    ],
    ids=["not connected", "duplicate"],
)
def test_what_is_printed_is_a_sentence(error: StoreError, message: str) -> None:
    assert str(error) == str(to_store_error(error, "main")) == message
