"""How many waiting connections a worker takes at a time: few, so that others get theirs, unless it has to refuse."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from core.serve.server import _take_waiting


class Listening:
    """A listening socket with so many connections that wait."""

    def __init__(self, waiting: int) -> None:
        self.waiting = waiting

    def accept(self) -> tuple[str, str]:
        if not self.waiting:
            raise BlockingIOError
        self.waiting -= 1
        return "socket", "address"


class Loop:
    """Counts what was begun, and remembers what comes later."""

    def __init__(self) -> None:
        self.begun = 0
        self.later: list[tuple[Any, ...]] = []

    def create_task(self, coroutine: Any) -> Any:
        coroutine.close()
        self.begun += 1
        return SimpleNamespace(add_done_callback=lambda _: None)

    def call_later(self, *arguments: Any) -> None:
        self.later.append(arguments)


async def connect(accepted: Any) -> None:
    raise AssertionError(accepted)


@pytest.mark.parametrize(
    ("admission", "waiting", "taken"),
    [
        (None, 100, 8),
        (SimpleNamespace(alert=False), 100, 8),
        (SimpleNamespace(alert=True), 100, 64),
        (SimpleNamespace(alert=True), 3, 3),
        (None, 0, 0),
    ],
    ids=["without overload control", "at ease", "under overload", "few wait", "nobody waits"],
)
def test_LOAD_1_waiting_connections_are_taken_in_numbers_under_overload_only(
    admission: Any, waiting: int, taken: int
) -> None:
    loop, listening = Loop(), Listening(waiting)
    app = SimpleNamespace(admission=admission)
    _take_waiting(loop, listening, connect, app)  # type: ignore[arg-type]  # fakes
    assert (loop.begun, listening.waiting, len(loop.later)) == (taken, waiting - taken, 1)
