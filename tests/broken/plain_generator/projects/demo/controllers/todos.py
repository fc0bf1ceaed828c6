from collections.abc import Iterator

from core import Context, Controller

todos = Controller("demo-todos")


@todos.list
def list_todos(ctx: Context) -> Iterator[None]:
    yield None
