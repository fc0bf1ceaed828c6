from core import Path, Route, Routes, use
from projects.demo.controllers.todos import list_todos

api = Routes(
    group="demo",
    paths=[
        Path("/todo", list=Route("todos", chain=[list_todos])),
        Path("/todos", list=Route("todos-too", chain=[use("demo-todos")])),
    ],
)
