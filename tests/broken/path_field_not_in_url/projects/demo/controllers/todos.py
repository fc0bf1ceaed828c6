from typing import Annotated

from core import Context, Controller, Params, rule

todos = Controller("demo-todos")


class TodoPath(Params):
    idd: Annotated[str, rule("Id of the todo")]


class FilePath(Params):
    rest: str


@todos.index
async def get_todo(ctx: Context, *, path: TodoPath) -> None: ...


@todos.get
async def get_file(ctx: Context, *, path: FilePath) -> None: ...
