"""Patterns of `match`, searched in a time that no text can blow up.

In: a pattern and its flags. Out: a function text → whether it is found; `ValueError` for a pattern that is none, or
that could take too long. RE2 takes linear time for any text. What it does not know (look-around, back references)
runs on Python's own engine, if that cannot retry often, and on short texts: `docs/decisions/0015-patterns.md`. So do
plain patterns that hardly retry: both engines read them alike, and Python's costs a fifth of RE2's way from Python.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from re import _parser  # type: ignore[attr-defined]  # what reads patterns; there is no public way to their parts
from typing import Any, Final

from core.schema.rules import flag_letters

Search = Callable[[str], bool]

_LONGEST: Final = 256  # text that Python's engine sees
_MOST_STEPS: Final = 2**24  # that it may take: some ten milliseconds
_FEW_STEPS: Final = 2**12  # some microseconds
# `^[a-z]-[0-9]{1,4}$`: characters and sets, each once or repeated, from the begin of the text to its end
_ATOM: Final = r"(?:\[\^?[A-Za-z0-9_@ .,:/+-]+\]|\\[.+*?()/-]|[A-Za-z0-9_@ ,:/-])"
_PLAIN: Final = re.compile(rf"\^(?:{_ATOM}(?:[+*?]|\{{[0-9]+(?:,[0-9]*)?\}})?)*\$")
_PORTABLE: Final = re.IGNORECASE | re.MULTILINE | re.DOTALL | re.ASCII
_TOKENS: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\$", re.DOTALL)  # escapes and sets, which may hold a `$`
_REPEATS: Final = {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}


@lru_cache(None)
def compile_search(pattern: str, flags: int = 0) -> Search:
    """The search for a pattern, made once; `ValueError` says what is wrong with it."""
    linear = _compile_linear(pattern, flags) or _compile_backtracking(pattern, flags)
    if flags or not _PLAIN.fullmatch(pattern) or _judge(_parser.parse(pattern))[1] > _FEW_STEPS:
        return linear
    find = re.compile(rf"{pattern[:-1]}\Z").search
    return lambda text: find(text) is not None if len(text) <= _LONGEST else linear(text)


def _compile_linear(pattern: str, flags: int) -> Search | None:
    """RE2, through its set of one pattern: the interface that does not pay for groups (0.5 against 4 µs)."""
    try:
        import re2  # type: ignore[import-untyped]  # with the first pattern only
    except ImportError:  # no wheel for this interpreter
        return None
    options, letters = re2.Options(), flag_letters(flags)
    options.log_errors = False
    searches: Any = re2.Set.SearchSet(options)
    try:
        searches.Add(f"(?{letters}){pattern}" if letters else pattern)
    except re2.error:
        return None
    try:
        searches.Compile()
    except re2.error:
        raise ValueError(f"'{pattern}' takes too much memory: max_length may bound what it repeats") from None
    return None if flags & ~_PORTABLE else lambda text: bool(searches.Match(text.encode(errors="replace")))


def _compile_backtracking(pattern: str, flags: int) -> Search:
    # `$` is the end, as in RE2, and not also in front of a last line break.
    exact = _TOKENS.sub(lambda part: r"\Z" if part[0] == "$" and not flags & re.MULTILINE else part[0], pattern)
    try:
        find, parts = re.compile(exact, flags).search, _parser.parse(exact, flags)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"'{pattern}' is no pattern: {error}") from None
    anchored = not flags & re.MULTILINE and str(parts[:1]) in ("[(AT, AT_BEGINNING)]", "[(AT, AT_BEGINNING_STRING)]")
    if _judge(parts)[1] * (1 if anchored else _LONGEST) > _MOST_STEPS:
        raise ValueError(f"'{pattern}' could take too long: RE2 does not know it, and it can be retried too often")
    return lambda text: len(text) <= _LONGEST and find(text) is not None


def _judge(parts: Iterable[Any]) -> tuple[int, int]:
    """In how many ways parts of a pattern may match at one place, and how many steps it takes to try them all.

    Each way through one part meets the next part anew. A look-around and an atomic group are left for good.
    """
    ways = steps = 1
    for operation, about in parts:
        name, inner, work = str(operation), 1, 1
        if name in _REPEATS:
            least, most = min(about[0], _LONGEST), min(about[1], _LONGEST)
            inner, work = _judge(about[2])
            inner, work = (most - least + 1) * inner**most, most * work * inner**most
        elif name in ("ASSERT", "ASSERT_NOT", "ATOMIC_GROUP", "SUBPATTERN"):
            inner, work = _judge(about if name == "ATOMIC_GROUP" else about[-1])
            inner = inner if name == "SUBPATTERN" else 1
        elif name in ("BRANCH", "GROUPREF_EXISTS"):
            several = [_judge(part or ()) for part in (about[1] if name == "BRANCH" else about[1:])]
            inner, work = sum(part[0] for part in several), sum(part[1] for part in several)
        ways, steps = min(ways * inner, 2 * _MOST_STEPS), min(steps + ways * work, 2 * _MOST_STEPS)
    return ways, steps
