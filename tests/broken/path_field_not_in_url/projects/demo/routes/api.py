from core import Path, Route, Routes, use

api = Routes(
    group="demo",
    paths=[
        Path("/todo", index=Route("todo", chain=[use("demo-todos")])),
        Path("/files/*", get=Route("files", chain=[use("demo-todos")])),
    ],
)
