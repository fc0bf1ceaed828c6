from core import Path, Route, Routes, use

api = Routes(
    group="demo",
    errors=[use("demo-errors", function="good")],
    paths=[
        Path("/a", list=Route("a", chain=[use("demo-errors", function="good")])),
        Path("/b", list=Route("b", chain=[], errors=[use("demo-errors", function="plain")])),
    ],
)
