from core import Context, Controller, Params

todos = Controller("demo-todos")


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


@todos.patch
async def patch_todo(ctx: Context, *, query=None) -> None: ...


@todos.post(responses={"409": "Conflict"})
async def post_todo(ctx: Context) -> None: ...


@todos.del_
async def remove_todo(ctx: Context, *, header: NewTodo | None = None) -> None: ...
