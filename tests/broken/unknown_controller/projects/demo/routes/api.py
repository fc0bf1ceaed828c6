from core import Path, Route, Routes, use

api = Routes(
    group="demo",
    prefix="/demo",
    paths=[
        Path("./todo", list=Route("todos", chain=[use("demo-todo")])),
    ],
)
