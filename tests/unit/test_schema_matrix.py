"""mia's measured validator matrix in its intended form: types and coercions, in JSON and in text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import pytest

from core.errors import ErrorItem
from core.schema import formats
from core.schema.rules import rule
from tests.schemas import value_of

NEW_YEAR = datetime(2015, 1, 1, tzinfo=UTC)
MOMENT = 1420070400000


class Wrong:
    """Expected: UnexpectedType with these two words."""

    def __init__(self, given: str, expected: str, at: str = "a") -> None:
        tail = f" is unexpected type. {given} given {expected} expected"
        self.item = ErrorItem("UnexpectedType", at + tail, "a", "body")


# Row of the matrix, type, value, what comes out. "body" is JSON.
MATRIX: list[tuple[str, Any, Any, Any]] = [
    ("1", float, "12.5", 12.5),
    ("2", float, "", Wrong("string", "number")),
    ("3", float, "abc", Wrong("string", "number")),
    ("3", float, "12abc", Wrong("string", "number")),
    ("4", float, "0x10", Wrong("string", "number")),
    ("5", float, "1e3", 1000.0),
    ("5", float, " 5 ", 5.0),
    ("5", float, "Infinity", Wrong("string", "number")),
    ("5", float, "NaN", Wrong("string", "number")),
    ("5", float, "1e400", Wrong("string", "number")),
    ("5", float, float("inf"), Wrong("number", "number")),
    ("5", float, float("nan"), Wrong("number", "number")),
    ("5", float, 10**400, Wrong("number", "number")),
    ("5", float, "1_0", Wrong("string", "number")),
    ("6", float, True, Wrong("boolean", "number")),
    ("7", float, None, Wrong("object", "number")),
    ("8", float | None, None, None),
    ("9", float, [], Wrong("object", "number")),
    ("10", float, ["5"], Wrong("object", "number")),
    ("11", float, {}, Wrong("object", "number")),
    ("11", float, {"b": 1}, Wrong("object", "number")),
    ("12", str, 12, "12"),
    ("12", str, 12.0, "12"),
    ("12", str, 12.5, "12.5"),
    ("12", str, 1e21, "1e+21"),
    ("12", str, True, "true"),
    ("12", str, False, "false"),
    ("12", str, float("nan"), Wrong("number", "string")),
    ("13", str, [1, 2], Wrong("object", "string")),
    ("13", str, ["a"], Wrong("object", "string")),
    ("14", str, None, Wrong("object", "string")),
    ("15", str | None, None, None),
    ("16", str, {"x": 1}, Wrong("object", "string")),
    ("16", str, {}, Wrong("object", "string")),
    ("17", bool, "TRUE", True),
    ("17", bool, "false", False),
    ("17", bool, True, True),
    ("18", bool, "1", Wrong("string", "boolean")),
    ("18", bool, "yes", Wrong("string", "boolean")),
    ("18", bool, 1, Wrong("number", "boolean")),
    ("18", bool, 0, Wrong("number", "boolean")),
    ("18", bool, None, Wrong("object", "boolean")),
    ("19", int, "5", 5),
    ("19", int, "-5", -5),
    ("19", int, "5.0", Wrong("string", "integer")),
    ("19", int, "1e3", Wrong("string", "integer")),
    ("19", int, "٥", Wrong("string", "integer")),
    ("19", int, "", Wrong("string", "integer")),
    ("20", int, 5, 5),
    ("20", int, 5.0, 5),
    ("20", int, 5.5, Wrong("number", "integer")),
    ("20", int, True, Wrong("boolean", "integer")),
    ("20", int, 2**63 - 1, 2**63 - 1),
    ("20", int, 2**63, Wrong("number", "integer")),
    ("20", int, "9223372036854775808", Wrong("string", "integer")),
    ("20", int, "9" * 5000, Wrong("string", "integer")),
    ("20", int, float("inf"), Wrong("number", "integer")),
    ("20", int, float("nan"), Wrong("number", "integer")),
    ("20", int, [5], Wrong("object", "integer")),
    ("21", formats.SafeInt, 2**53, Wrong("number", "safeinteger")),
    ("21", formats.SafeInt, 2**53 - 1, 2**53 - 1),
    ("21", formats.SafeInt, "12", 12),
    ("22", datetime, "2015-01-01T00:00:00", NEW_YEAR),
    ("22", datetime, "2015-01-01T00:00:00Z", NEW_YEAR),
    ("22", datetime, "2015-01-01T01:00:00.000+01:00", NEW_YEAR),
    ("22", datetime, "2014-12-31T23:00-0100", NEW_YEAR),
    ("22", datetime, "2015-01-01", NEW_YEAR),
    ("22", datetime, MOMENT, NEW_YEAR),
    ("22", datetime, float(MOMENT), NEW_YEAR),
    ("22", datetime, "2015-01-01T00:00:00.123456789Z", NEW_YEAR.replace(microsecond=123000)),
    ("22", datetime, NEW_YEAR, NEW_YEAR),
    ("23", datetime, "Thu, 01 Jan 2015 00:00:00 GMT", NEW_YEAR),
    ("23", datetime, "01 Jan 2015 01:00:00 +0100", NEW_YEAR),
    ("24", datetime, "1420070400000", Wrong("string", "date")),
    ("24", datetime, "foo", Wrong("string", "date")),
    ("24", datetime, "2015-02-30", Wrong("string", "date")),
    ("24", datetime, "31 Foo 2015", Wrong("string", "date")),
    ("24", datetime, "0001-01-01T00:00:00+02:00", Wrong("string", "date")),
    ("24", datetime, "2015-01-01" + " " * 100, Wrong("string", "date")),
    ("24", datetime, 1e20, Wrong("number", "date")),
    ("24", datetime, 0.5, Wrong("number", "date")),
    ("25", datetime, None, Wrong("object", "date")),
    ("25", datetime, True, Wrong("boolean", "date")),
    ("25", datetime, [], Wrong("object", "date")),
    ("26", formats.Timestamp, "1420070400", 1420070400),
    ("27", formats.Timestamp, "14200704", Wrong("string", "timestamp")),
    ("27", formats.Timestamp, 1420070400, 1420070400),
    ("27", formats.Timestamp, True, Wrong("boolean", "timestamp")),
    ("27", formats.Timestamp, None, Wrong("object", "timestamp")),
    ("27", formats.Timestamp, "1420070400\n", Wrong("string", "timestamp")),
    ("29", formats.IP, "1.2.3.4", "1.2.3.4"),
    ("29", formats.IP, "::1", "::1"),
    ("29", formats.IP, "001.002.003.004", "1.2.3.4"),
    ("30", formats.IP, "zz::1zz", Wrong("string", "ip")),
    ("30", formats.IP, "1.2.3.4 ", Wrong("string", "ip")),
    ("30", formats.IP, 16909060, Wrong("number", "ip")),
    ("31", formats.IPv6, "::1", "::1"),
    ("31", formats.IPv6, "1.2.3.4", Wrong("string", "ipv6")),
    ("31", formats.IPv4, "::1", Wrong("string", "ipv4")),
    ("31", formats.IPv6, "fe80::1%eth0", Wrong("string", "ipv6")),
    *(
        ("32", formats.CIDR, f"10.0.0.0/{bits}", f"10.0.0.0/{int(bits)}")
        for bits in ("0", "8", "08", "16", "24", "024", "30", "32")
    ),
    ("32", formats.CIDRv4, "10.0.0.0/33", Wrong("string", "cidrv4")),
    ("32", formats.CIDRv4, "10.0.0.0", Wrong("string", "cidrv4")),
    ("33", formats.CIDR, "2001:db8::/32", "2001:db8::/32"),
    ("33", formats.CIDRv6, "2001:db8::", Wrong("string", "cidrv6")),
    ("33", formats.CIDRv6, "2001:db8::/xyz", Wrong("string", "cidrv6")),
    ("34", list[float], ["1", 2, "x"], Wrong("string", "number", "a[3]")),
    ("34", list[float], ["1", 2], [1.0, 2.0]),
    ("35", list[str], "x", Wrong("string", "array")),
    ("35", list[str], "x,y", Wrong("string", "array")),
    ("35", list[str], {"0": "x"}, Wrong("object", "array")),
    ("36", list[str], [None], Wrong("object", "string", "a[1]")),
    ("37", list[str], [], []),
    ("38", list[datetime], ["2015-01-01"], [NEW_YEAR]),
    ("types", formats.Email, "a@example.org", "a@example.org"),
    ("types", formats.Email, "a@example", Wrong("string", "email")),
    ("types", formats.Email, "x" * 400, Wrong("string", "email")),
    ("types", formats.ObjectId, "0123456789abcdef01234567", formats.ObjectId("0123456789abcdef01234567")),
    (
        "types",
        formats.ObjectId,
        formats.ObjectId("0123456789abcdef01234567"),
        formats.ObjectId("0123456789abcdef01234567"),
    ),
    ("types", formats.ObjectId, "0123", Wrong("string", "objectid")),
    ("types", dict[str, Any], {"b": [1]}, {"b": [1]}),
    ("types", dict[str, Any], [], Wrong("object", "object")),
    ("types", dict, "x", Wrong("string", "object")),
    ("types", Any, [1, {"b": 2}], [1, {"b": 2}]),
    ("types", list, [1, "x"], [1, "x"]),
    ("types", list[list[int]], [[1], ["2"]], [[1], [2]]),
]


def _ids(rows: list[tuple[str, Any, Any, Any]]) -> list[str]:
    return [f"mia-12.1-{row[0]}-{repr(row[2])[:24]}" for row in rows]


@pytest.mark.parametrize(("row", "annotation", "raw", "expected"), MATRIX, ids=_ids(MATRIX))
def test_val_5_types_in_json(row: str, annotation: Any, raw: Any, expected: Any) -> None:
    found = value_of(annotation, raw)
    if isinstance(expected, Wrong):
        assert found == expected.item
    else:
        assert found == expected
        assert type(found) is type(expected)


# Type, value, what comes out of a query; `...` is UnexpectedType.
TEXT: list[tuple[Any, Any, Any]] = [
    (str, "x", "x"),
    (str, ["x", "y"], ...),
    (str, {"b": "x"}, ...),
    (int, "5", 5),
    (int, "+5", 5),
    (int, "1e3", ...),
    (int, "5.0", ...),
    (int, "", ...),
    (int, ["1", "2"], ...),
    (float, "12.5", 12.5),
    (float, ".5", 0.5),
    (float, "", ...),
    (float, ["1"], ...),
    (bool, "True", True),
    (bool, "0", ...),
    (bool, ["true"], ...),
    (datetime, "2015-01-01", NEW_YEAR),
    (datetime, "1420070400000", ...),
    (datetime, ["2015-01-01"], ...),
    (list[int], "5", [5]),
    (list[int], ["5", "6"], [5, 6]),
    (list[str], "x,y", ["x,y"]),
    (list[str], {"b": "x"}, ...),
    (formats.Timestamp, "1420070400", 1420070400),
    (formats.SafeInt, "7", 7),
    (formats.IP, ["1.2.3.4"], ...),
    (dict[str, Any], {"b": "x"}, {"b": "x"}),
    (Any, ["x", "y"], ["x", "y"]),
]


@pytest.mark.parametrize(("annotation", "raw", "expected"), TEXT, ids=[f"{n}-{row[1]!r}" for n, row in enumerate(TEXT)])
def test_val_5_types_in_text(annotation: Any, raw: Any, expected: Any) -> None:
    found = value_of(annotation, raw, "query")
    if expected is ...:
        assert (found.code, found.id, found.in_) == ("UnexpectedType", "a", "query")
    else:
        assert found == expected
        assert type(found) is type(expected)


def test_text_means_text_in_every_section_but_the_body() -> None:
    assert [value_of(int, "5", section) for section in ("header", "query", "path")] == [5, 5, 5]


def test_conversion_of_numbers_keeps_the_rules_of_text() -> None:
    assert value_of(Annotated[str, rule(max_length=3)], 12345).code == "MaxLengthExceeded"
