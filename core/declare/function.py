"""Declared functions: what they have in common, those that run when a worker starts, and commands.

In: `@init(order=10)` in `init/`, `@command("secret create")` in `commands/`. Out: `Init` and `Command`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

from core.source import source_of

P = ParamSpec("P")
R = TypeVar("R")


class Declared(Generic[P, R]):
    """A declared function. Stays a plain callable with its own signature; `source` is its first line."""

    def __init__(self, function: Callable[P, R]) -> None:
        self.function = function
        self.source = source_of(function)
        self.__doc__ = function.__doc__
        self.__wrapped__ = function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)


class Init(Declared[P, R]):
    """A start function; runs in every worker, in the order of `order`, then of file names."""

    def __init__(self, function: Callable[P, R], order: int) -> None:
        super().__init__(function)
        self.order = order


def init(*, order: int = 100) -> Callable[[Callable[P, R]], Init[P, R]]:
    """Declare a start function: an idempotent `async def seed(app: AppContext) -> None`.

    Written as an async generator, its second half runs at stop.
    """

    def declare(function: Callable[P, R]) -> Init[P, R]:
        return Init(function, order)

    return declare


class Command(Declared[P, R]):
    """A command of a project: `python server.py <mode> <identity> [arguments]`."""

    version = "1.0"
    disabled = False

    def __init__(self, identity: str, function: Callable[P, R]) -> None:
        super().__init__(function)
        self.identity = identity


def command(name: str) -> Callable[[Callable[P, R]], Command[P, R]]:
    """Declare a command: `async def create(app: AppContext, *, group: str, count: int = 1) -> None`.

    The name is one or more words. Keyword-only parameters (`str int float bool`) become options: `--group`,
    `--count`; the docstring is the help text.
    """

    def declare(function: Callable[P, R]) -> Command[P, R]:
        return Command(name, function)

    return declare
