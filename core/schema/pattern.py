"""Patterns of `match`: compiled to a search that takes linear time, or is cut short.

In: a pattern and its flags. Out: a function text → bool and the pattern as mia prints it. RE2 where the
pattern compiles there, else Python's `re` on at most 256 characters. RE2 is loaded with the first pattern.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any, Final

_BACKTRACKING_LIMIT: Final = 256
_LETTERS: Final = ((re.IGNORECASE, "i"), (re.MULTILINE, "m"), (re.DOTALL, "s"))
_PORTABLE: Final = re.IGNORECASE | re.MULTILINE | re.DOTALL | re.ASCII


def flag_letters(flags: int) -> str:
    """The flags that have a letter, in the notation of JavaScript."""
    return "".join(letter for flag, letter in _LETTERS if flags & flag)


def print_pattern(pattern: str, flags: int) -> str:
    """Slash notation, as messages show it."""
    return f"/{pattern}/{flag_letters(flags)}"


def compile_pattern(pattern: str, flags: int = 0) -> Callable[[str], bool]:
    """A search for the pattern anywhere in a text.

    Raises:
        ValueError: neither engine understands the pattern.
    """
    search = _compile_linear(pattern, flags)
    return search if search is not None else _compile_backtracking(pattern, flags)


def _compile_linear(pattern: str, flags: int) -> Callable[[str], bool] | None:
    """RE2, through its set of one pattern: the interface that does not pay for groups (0.5 against 4 µs)."""
    if flags & ~_PORTABLE:
        return None
    try:
        import re2
    except ImportError:  # no wheel for this interpreter
        return None
    options = re2.Options()
    options.log_errors = False
    letters = flag_letters(flags)
    searches: Any = re2.Set.SearchSet(options)
    try:
        searches.Add(f"(?{letters}){pattern}" if letters else pattern)
    except (re2.error, UnicodeEncodeError):
        return None
    searches.Compile()
    find = searches.Match

    def search(text: str) -> bool:
        try:
            return bool(find(text.encode()))
        except UnicodeEncodeError:
            return False

    return search


def _compile_backtracking(pattern: str, flags: int) -> Callable[[str], bool]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            find = re.compile(pattern, flags).search
    except (re.error, Warning, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from None

    def search(text: str) -> bool:
        return len(text) <= _BACKTRACKING_LIMIT and find(text) is not None

    return search
