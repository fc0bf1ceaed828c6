"""JSON of what steps return."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Any

import pytest
from bson import SON, Binary, Decimal128, Int64, ObjectId
from bson.tz_util import utc

from core.serve.encoding import encode_json


class Color(Enum):
    RED = "red"


class Code(StrEnum):
    GONE = "Gone"


class Todo:
    def __init__(self, name: str) -> None:
        self.name = name

    def __wire__(self) -> dict[str, Any]:
        return {"name": self.name, "at": datetime(2026, 1, 1)}


class Later(datetime):
    """A datetime of somebody else."""


class Table(Mapping):
    def __getitem__(self, key: str) -> int:
        return len(key)

    def __iter__(self):
        return iter(["a", "bb"])

    def __len__(self) -> int:
        return 2


CASES = [
    (ObjectId("0123456789abcdef01234567"), b'"0123456789abcdef01234567"'),
    (datetime(2026, 1, 2, 3, 4, 5), b'"2026-01-02T03:04:05.000Z"'),
    (datetime(2026, 1, 2, 3, 4, 5, 678_999), b'"2026-01-02T03:04:05.678Z"'),
    (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), b'"2026-01-02T03:04:05.000Z"'),
    (datetime(2026, 1, 2, 3, 4, 5, tzinfo=utc), b'"2026-01-02T03:04:05.000Z"'),
    (datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2))), b'"2026-01-02T01:04:05.000Z"'),
    (Later(2026, 1, 2), b'"2026-01-02T00:00:00.000Z"'),
    (datetime(1, 1, 1), b'"0001-01-01T00:00:00.000Z"'),
    (date(2026, 1, 2), b'"2026-01-02"'),
    (time(3, 4), b'"03:04:00"'),
    (Decimal128("1.50"), b'"1.50"'),
    (Decimal("1.50"), b'"1.50"'),
    (uuid.UUID(int=1), b'"00000000-0000-0000-0000-000000000001"'),
    (Color.RED, b'"red"'),
    (Code.GONE, b'"Gone"'),
    (Int64(5), b"5"),
    (Binary(b"ab"), b'"YWI="'),
    (b"ab", b'"YWI="'),
    (float("nan"), b"null"),
    ({1}, b"[1]"),
    (frozenset({"a"}), b'["a"]'),
    ((1, 2), b"[1,2]"),
    (SON([("b", 1), ("a", 2)]), b'{"b":1,"a":2}'),
    (MappingProxyType({"a": 1}), b'{"a":1}'),
    (Table(), b'{"a":1,"bb":2}'),
    (Todo("milk"), b'{"name":"milk","at":"2026-01-01T00:00:00.000Z"}'),
    ([Todo("a")], b'[{"name":"a","at":"2026-01-01T00:00:00.000Z"}]'),
    ("ä\u2028", '"ä\u2028"'.encode()),
    (None, b"null"),
]


@pytest.mark.parametrize(("value", "text"), CASES, ids=[type(value).__name__ for value, _ in CASES])
def test_json_forms(value: Any, text: bytes) -> None:
    assert encode_json(value) == text


@pytest.mark.parametrize("value", [object(), 2**64, {1: 2}, lambda: None, Todo])
def test_what_has_no_json_form_is_an_error(value: Any) -> None:
    with pytest.raises(TypeError):
        encode_json(value)
