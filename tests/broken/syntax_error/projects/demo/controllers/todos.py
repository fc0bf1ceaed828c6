from core import Controller

todos = Controller("demo-todos"


@todos.list
async def list_todos(ctx): ...
