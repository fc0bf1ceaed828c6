"""The `filter` query: mia 2.15, every example."""

from __future__ import annotations

import pytest

from generic.libs.selection import parse_names, select_members

CASES = [
    pytest.param("id", {"id": 1, "name": "a"}, {"id": 1}, id="only the member named"),
    pytest.param(
        "id",
        {"a": {"id": 1, "x": 2}, "b": {"c": {"id": 3}}, "d": {"x": 4}},
        {"a": {"id": 1}, "b": {"c": {"id": 3}}},
        id="nested objects keep the path to each",
    ),
    pytest.param(
        "id",
        [{"id": 1, "name": "a"}, {"name": "b"}, {"id": 2}],
        [{"id": 1}, {"id": 2}],
        id="a list keeps the elements that have it",
    ),
    pytest.param(
        "id",
        {"total": 2, "items": [{"id": 1, "name": "a"}, {"name": "b"}]},
        {"items": [{"id": 1}]},
        id="a list inside an object",
    ),
    pytest.param("id", {"name": "a", "b": {"c": 1}}, {}, id="nothing matches in an object"),
    pytest.param("id", [{"name": "a"}, 1], [], id="nothing matches in a list"),
    pytest.param("id", "id", {}, id="a text has no members"),
    pytest.param("id", 7, {}, id="a number has no members"),
    pytest.param("id", True, {}, id="a boolean has no members"),
    pytest.param("id", [[{"id": 1, "x": 2}], [{"x": 3}]], [[{"id": 1}]], id="lists in lists stay nested"),
    pytest.param("0", ["a", "b", {"0": "c", "x": 1}], ["a", {"0": "c"}], id="digits mean a position"),
    pytest.param("1", {"a": [1, 2, 3], "1": 4}, {"a": [2], "1": 4}, id="digits mean a member, too"),
    pytest.param("a", {"a": {"b": [1, {"c": 2}]}, "d": 1}, {"a": {"b": [1, {"c": 2}]}}, id="whole subtree"),
    pytest.param("a", {"a": None, "b": 1}, {"a": None}, id="a member that is null"),
    pytest.param("a", {"a": {}, "b": {"a": []}}, {"a": {}, "b": {"a": []}}, id="members that are empty"),
    pytest.param("id,name", {"id": 1, "name": "a", "x": 2}, {"id": 1, "name": "a"}, id="several names"),
    pytest.param(" id , ,name ", {"id": 1, "name": "a", "x": 2}, {"id": 1, "name": "a"}, id="blanks"),
    pytest.param("ID", {"id": 1}, {}, id="names are case-sensitive"),
    pytest.param("a.b", {"a": {"b": 1}}, {}, id="a dot is no path"),
]


@pytest.mark.parametrize(("names", "value", "expected"), CASES)
def test_filter(names: str, value: object, expected: object) -> None:
    assert select_members(value, parse_names(names)) == expected


@pytest.mark.parametrize("text", ["", " ", ",", " , ,"])
def test_no_names_at_all(text: str) -> None:
    assert parse_names(text) == frozenset()
