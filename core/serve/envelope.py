"""mia's JSON envelopes: `{status, deprecated?, notice?, debug?, response?}` and `{status, errors, debug?}`.

In: a result, or error items. Out: dicts whose members stand in mia's order. Next: `response.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from core.errors import ErrorItem

#: statuses whose answer to an error is an empty object
_EMPTY: Final = frozenset({204, 304, 412})


def build_envelope(
    status: int, result: Any, *, deprecated: bool = False, notice: str = "", debug: Any = None
) -> dict[str, Any]:
    """The envelope of a result.

    Source: mia.js left out every falsy `response` except empty lists and objects; here only `None` is left
    out, so that 0, false and the empty text arrive.
    """
    envelope: dict[str, Any] = {"status": status}
    if deprecated:
        envelope["deprecated"] = True
    if notice:
        envelope["notice"] = notice
    if debug is not None:
        envelope["debug"] = debug
    if result is not None:
        envelope["response"] = result
    return envelope


def build_error_envelope(
    status: int, errors: Sequence[ErrorItem], debug: Any = None, *, text_of: Callable[[str], str] | None = None
) -> dict[str, Any]:
    """The envelope of an error.

    Shape: `{status, errors: [{code, id?, msg, in?, …extra}], debug?}`, or `{}` for 204, 304 and 412.

    Args:
        status: HTTP status.
        errors: what was wrong.
        debug: for modes that allow it.
        text_of: gives the message of a code, for items without one.
    """
    if status in _EMPTY:
        return {}
    envelope: dict[str, Any] = {"status": status, "errors": [_build_item(item, text_of) for item in errors]}
    if debug is not None:
        envelope["debug"] = debug
    return envelope


def _build_item(item: ErrorItem, text_of: Callable[[str], str] | None) -> dict[str, Any]:
    members: dict[str, Any] = {"code": str(item.code)}
    if item.id is not None:
        members["id"] = item.id
    members["msg"] = item.msg or (text_of(item.code) if text_of is not None else "")
    if item.in_ is not None:
        members["in"] = item.in_
    if item.extra:
        members |= {name: value for name, value in item.extra.items() if name not in members}
    return members
