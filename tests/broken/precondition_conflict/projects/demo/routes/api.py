from core import Path, Route, Routes, use

api = Routes(
    group="demo",
    paths=[Path("/x", list=Route("x", chain=[use("demo-a"), use("demo-b")]))],
)
