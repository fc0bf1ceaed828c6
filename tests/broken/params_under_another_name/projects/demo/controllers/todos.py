from core import Context, Controller, Params

todos = Controller("demo-todos")


class Page(Params):
    limit: int = 25


@todos.list
async def list_todos(ctx: Context, *, page: Page) -> None: ...


@todos.index
async def get_todo(ctx: Context, *, pages: list[Page] = []) -> None: ...


@todos.get
async def get_all(ctx: Context, *, query: str) -> None: ...


@todos.post
async def post_all(ctx: Context, *, body: int) -> None: ...
