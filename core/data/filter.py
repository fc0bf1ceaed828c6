"""Filters and sorts before they reach the driver.

In: a filter, pipeline, update or sort from code. Out: the same, or a `StoreError`. Operators in code need no
wrapper (a request value can never become one: the gate refused it); only JavaScript run by the server is out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from core.errors import StoreError

Query = Mapping[str, Any]
Filter = Query | None
Sort = str | Sequence[str] | None
_JAVASCRIPT: Final = frozenset({"$where", "$function", "$accumulator", "mapReduce"})


def check_filter(value: Any) -> None:
    """Refuse server-side JavaScript and unusable keys, at any depth, with a `StoreError` that names the key."""
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str) or "\0" in key:
                raise StoreError(f"a query key must be text without NUL, not {key!r}")
            if key in _JAVASCRIPT:
                raise StoreError(f"{key} runs JavaScript on the database server and is refused")
        value = value.values()
    for inner in value:
        if isinstance(inner, dict | list | tuple):
            check_filter(inner)


def parse_sort(sort: Sort) -> list[tuple[str, int]] | None:
    """`"name"`, `"-name"` or several of them → the driver's form; `StoreError` when a name is empty."""
    names = [sort] if isinstance(sort, str) else sort
    if not sort or not names:
        return None
    pairs = [(name[1:], -1) if name[:1] == "-" else (name, 1) for name in names]
    if not all(name for name, _ in pairs):
        raise StoreError(f"a sort needs field names, not {sort!r}")
    return pairs
