from core import Context, Controller

todos = Controller("demo-todos", version="2.0")


@todos.list
async def list_todos(ctx: Context) -> list[str]:
    return ["milk"]
