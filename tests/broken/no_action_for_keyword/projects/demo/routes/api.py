from core import Path, Route, Routes, use

api = Routes(
    group="demo",
    paths=[Path("/todo", create=Route("create-todo", chain=[use("demo-todos")]))],
)
