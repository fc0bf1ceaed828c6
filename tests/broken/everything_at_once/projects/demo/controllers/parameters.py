from core import Context, Controller, Params

todos = Controller("demo-parameters")


class NewTodo(Params):
    name: str


@todos.list
async def list_todos() -> None: ...


@todos.create
async def create_todo(ctx: Context, body: NewTodo) -> None: ...


@todos.update
async def update_todo(ctx: Context, *sections: NewTodo) -> None: ...


@todos.delete
async def delete_todo(ctx: Context, **sections: NewTodo) -> None: ...


@todos.get
async def get_todo(ctx: Context, *, device) -> None: ...


@todos.put
async def put_todo(ctx: Context, *, device: int | str) -> None: ...
