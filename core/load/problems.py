"""Everything that is wrong, collected, and what a wrong name was probably meant to be.

In: load errors, raised by checks of `load/` and `link/`. Out: each of them once, sorted by place.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import ParamSpec, TypeVar

from core.errors import LoadError
from core.source import Source

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`did you mean 'x'`, whatever its case, or an empty text when nothing is close."""
    by_folded = {other.casefold(): other for other in sorted(set(known) - {name})}
    close = difflib.get_close_matches(name.casefold(), by_folded, 1, 0.8)  # lower gives silly hints
    return f"did you mean '{by_folded[close[0]]}'" if close else ""


def suggest(name: str, known: Iterable[str], none: str) -> str:
    """As `did_you_mean`, else all known names, or `none` when there are no names."""
    quoted = ", ".join(f"'{other}'" for other in sorted(known))
    return did_you_mean(name, known) or (f"known are {quoted}" if quoted else none)


class Problems:
    """Collects load errors; the same message at the same place counts once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int, str], LoadError] = {}

    def add(self, problem: LoadError) -> None:
        """Take a problem in, unless it is known, or has no message as its cause is reported elsewhere."""
        if problem.message:
            self._found.setdefault((problem.source.file, problem.source.line, problem.message), problem)

    def attempt(self, make: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """What `make` returns; `None` when it raises a `LoadError` or a group of them, which is collected."""
        made = None
        try:
            made = make(*args, **kwargs)
        except* LoadError as group:
            for problem in _leaves(group):
                self.add(problem)
        return made

    def knows(self, source: Source) -> bool:
        """Whether something is wrong at this line already."""
        return any(problem.source == source for problem in self._found.values())

    def __iter__(self) -> Iterator[LoadError]:
        return iter(sorted(self._found.values(), key=lambda problem: (problem.source, problem.message)))

    def __len__(self) -> int:
        return len(self._found)


def collect(make: Callable[[S], T], parts: Iterable[S]) -> list[T]:
    """What `make` returns for each part.

    Raises:
        ExceptionGroup: of everything that is wrong with any part.
    """
    made: list[T] = []
    wrong: list[Exception] = []
    for part in parts:
        try:
            made.append(make(part))
        except (LoadError, ExceptionGroup) as error:
            wrong.append(error)
    if wrong:
        raise ExceptionGroup("problems", wrong)
    return made


def format_problem(problem: Exception, root: Path) -> str:
    """One line for people: `projects/x/routes/api.py:12: message (hint)`, files relative to `root`."""
    if isinstance(problem, LoadError):
        return str(LoadError(problem.source.relative_to(root), problem.message, problem.hint))
    return str(problem)


def _leaves(group: BaseExceptionGroup[LoadError]) -> Iterator[LoadError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
