"""Everything that is wrong, collected: one run reports all problems of all files.

In: load errors, given or raised. Out: each of them once, sorted by place, as one `ExceptionGroup`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from core.errors import LoadError

T = TypeVar("T")


class Problems:
    """Collects load errors; the same message at the same place counts once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int, str], LoadError] = {}

    def add(self, problem: LoadError) -> None:
        """Take a problem in, unless the same one is known."""
        key = (problem.source.file, problem.source.line, problem.message)
        self._found.setdefault(key, problem)

    def attempt(self, make: Callable[[], T]) -> T | None:
        """What `make` returns; `None` when it raises a `LoadError` or a group of them, which is collected."""
        made: list[T] = []
        self.holds(lambda: made.append(make()))
        return made[0] if made else None

    def holds(self, check: Callable[[], None]) -> bool:
        """Whether a check passes; the `LoadError` or the group of them that it raises is collected."""
        try:
            check()
        except LoadError as problem:
            self.add(problem)
        except ExceptionGroup as group:
            mine, rest = group.split(LoadError)
            if rest is not None:
                raise rest from None
            for leaf in _leaves(mine):
                self.add(leaf)
        else:
            return True
        return False

    def knows(self, file: str, line: int) -> bool:
        """Whether something is wrong at this line already."""
        return any(key[:2] == (file, line) for key in self._found)

    def __iter__(self) -> Iterator[LoadError]:
        return iter(sorted(self._found.values(), key=lambda problem: (problem.source, problem.message)))

    def __len__(self) -> int:
        return len(self._found)


def format_problem(problem: Exception, root: Path) -> str:
    """One line for people: `projects/x/routes/api.py:12: message (hint)`, files relative to `root`."""
    if not isinstance(problem, LoadError):
        return str(problem)
    tail = f" ({problem.hint})" if problem.hint else ""
    return f"{problem.source.relative_to(root)}: {problem.message}{tail}"


def _leaves(error: BaseException | None) -> Iterator[LoadError]:
    if isinstance(error, ExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    elif isinstance(error, LoadError):
        yield error
