from __future__ import annotations

from typing import TYPE_CHECKING

from core import Controller

if TYPE_CHECKING:
    from core import Context

todos = Controller("demo-todos")


@todos.list
async def list_todos(ctx: Context) -> None: ...
