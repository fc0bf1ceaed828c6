"""What a wrong name was probably meant to be: the hints behind load errors.

In: a name and those that exist. Out: `did you mean 'x'`, or an empty text. Used by `load/` and `link/`.
"""

from __future__ import annotations

import builtins
import difflib
import inspect
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

#: lower gives silly hints
_CUTOFF = 0.8

_KEYWORD = re.compile(r"(\w+)(?:\.__init__)?\(\) got an unexpected keyword argument '(\w+)'")
_NAME_FROM = re.compile(r"cannot import name '(\w+)' from '([\w.]+)'")


def find_close(name: str, known: Iterable[str]) -> str | None:
    """The known name that is closest to `name`, whatever its case; `None` when none is close."""
    names = sorted(set(known) - {name})
    by_folded = {other.casefold(): other for other in names}
    close = difflib.get_close_matches(name.casefold(), by_folded, 1, _CUTOFF)
    return by_folded[close[0]] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`did you mean 'x'`, or an empty text when nothing is close."""
    close = find_close(name, known)
    return f"did you mean '{close}'" if close else ""


def list_known(names: Iterable[str], *, none: str) -> str:
    """`known are 'a', 'b'`, or `none` when there are no names."""
    quoted = ", ".join(f"'{name}'" for name in sorted(names))
    return f"known are {quoted}" if quoted else none


def hint_for(error: BaseException, scope: Mapping[str, Any]) -> str:
    """What the author of a failed line may have meant.

    Args:
        error: what the line raised.
        scope: the globals of the failed line.
    """
    if isinstance(error, ModuleNotFoundError):
        return ""
    if isinstance(error, ImportError):
        found = _NAME_FROM.search(str(error))
        module = sys.modules.get(found[2]) if found else None
        return did_you_mean(found[1], vars(module)) if found and module else ""
    if isinstance(error, NameError):
        return did_you_mean(error.name or "", {*scope, *vars(builtins)})
    if isinstance(error, AttributeError):
        public = [name for name in dir(error.obj) if not name.startswith("_")]
        return did_you_mean(error.name or "", public)
    if isinstance(error, TypeError):
        return _hint_for_keyword(str(error), scope)
    return ""


def _hint_for_keyword(message: str, scope: Mapping[str, Any]) -> str:
    found = _KEYWORD.search(message)
    if not found or not callable(scope.get(found[1])):
        return ""
    return did_you_mean(found[2], inspect.signature(scope[found[1]]).parameters)
