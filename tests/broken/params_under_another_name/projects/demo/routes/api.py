from core import Path, Route, Routes, use

api = Routes(
    group="demo",
    paths=[Path("/x", get=Route("x", chain=[use("demo-todos")]), post=Route("y", chain=[use("demo-todos")]))],
)
