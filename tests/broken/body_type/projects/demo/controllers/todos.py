from typing import Any

from core import Context, Controller, Params, Upload

todos = Controller("demo-todos")


class NewTodo(Params):
    name: str


class Picture(Params):
    file: Upload


@todos.create
async def create_todo(ctx: Context, *, body: NewTodo) -> None: ...


@todos.action("raw")
async def take_raw(ctx: Context, *, body: bytes) -> None: ...


@todos.action("file")
async def take_file(ctx: Context, *, body: Picture) -> None: ...


@todos.action("number")
async def take_number(ctx: Context, *, body: int) -> None: ...
