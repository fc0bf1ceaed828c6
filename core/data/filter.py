"""What no query may contain, whoever wrote it.

In: a filter, pipeline or update from code. Out: nothing, or a `StoreError`. Operators in code need no wrapper
(a request value can never become one: the gate refused it); only JavaScript run by the server is out.
"""

from __future__ import annotations

from typing import Any, Final

from core.errors import StoreError

_JAVASCRIPT: Final = frozenset({"$where", "$function", "$accumulator", "mapReduce"})


def check_filter(value: Any) -> None:
    """Refuse server-side JavaScript and unusable keys, at any depth.

    Raises:
        StoreError: names the key.
    """
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str) or "\0" in key:
                raise StoreError(f"a query key must be text without NUL, not {key!r}")
            if key in _JAVASCRIPT:
                raise StoreError(f"{key} runs JavaScript on the database server and is refused")
            if isinstance(inner, dict | list | tuple):
                check_filter(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            if isinstance(inner, dict | list | tuple):
                check_filter(inner)
