"""Where a declaration stands: the file and line that every load error names.

In: a frame, a function or a module. Out: a frozen `Source`. Read first; everything else uses it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """A place in a file. `file` is an absolute path, `line` counts from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    def relative_to(self, root: Path) -> Source:
        """The same place with its file relative to `root`, or unchanged when it lies outside."""
        path = Path(self.file)
        if not path.is_relative_to(root):
            return self
        return Source(path.relative_to(root).as_posix(), self.line)


def caller_source(depth: int = 1) -> Source:
    """The place that called the function which calls this one.

    Args:
        depth: how many more frames to go up; 1 is the caller of the calling function.
    """
    frame = sys._getframe(depth + 1)
    return Source(frame.f_code.co_filename, frame.f_lineno)


def author_source() -> Source:
    """The nearest place outside of `core` on the way here: the line of a step that asked for something."""
    frame, core = sys._getframe(), f"{Path(__file__).parent}/"
    while frame.f_back is not None and frame.f_code.co_filename.startswith(core):
        frame = frame.f_back
    return Source(frame.f_code.co_filename, frame.f_lineno)


def source_of(function: Callable[..., Any]) -> Source:
    """The first line of a function's own code, decorators included."""
    code = function.__code__
    return Source(code.co_filename, code.co_firstlineno)
