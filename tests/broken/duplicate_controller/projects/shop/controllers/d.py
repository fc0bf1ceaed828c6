from core import Context, Controller

todos = Controller("demo-todos")


@todos.list
async def list_todos(ctx: Context) -> list[str]:
    return ["milk"]
