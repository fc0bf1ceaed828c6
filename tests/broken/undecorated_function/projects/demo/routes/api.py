from core import Path, Route, Routes


async def list_todos(ctx): ...


api = Routes(
    group="demo",
    before=["demo-todos"],
    paths=[Path("/todo", list=Route("todos", chain=[list_todos]))],
)
