"""The `filter` query of `generic-defaultResponse`: some members of a result instead of all.

In: a plain JSON value and the names to keep. Out: a plain JSON value. Pure.
Source: mia.js 0.8.2, whose results these are (mia 2.15).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

#: stands for "nothing in here was asked for"
_NOTHING: Final = object()


def parse_names(text: str) -> frozenset[str]:
    """The names of a comma list, blanks around them ignored."""
    return frozenset(name for part in text.split(",") if (name := part.strip()))


def select_members(value: Any, names: frozenset[str]) -> Any:
    """The value reduced to members with one of these names, each with everything below it.

    Other members are searched further down; scalars and whatever is empty then are left out. In a list a name
    of digits means a position. An object or text without any match gives `{}`, a list `[]`.
    """
    selected = _select(value, names)
    if selected is _NOTHING:
        return [] if isinstance(value, list) else {}
    return selected


def _select(value: Any, names: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return dict(_search(value.items(), names)) or _NOTHING
    if isinstance(value, list):
        return [found for _, found in _search(((str(at), item) for at, item in enumerate(value)), names)] or _NOTHING
    return _NOTHING


def _search(members: Iterable[tuple[str, Any]], names: frozenset[str]) -> Iterable[tuple[str, Any]]:
    for name, member in members:
        found = member if name in names else _select(member, names)
        if found is not _NOTHING:
            yield name, found
