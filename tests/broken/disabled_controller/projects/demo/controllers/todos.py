from core import Context, Controller

todos = Controller("demo-todos", disabled=True)


@todos.list
async def list_todos(ctx: Context) -> list[str]:
    return ["milk"]
