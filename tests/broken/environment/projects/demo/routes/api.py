from core import Path, Route, Routes, use

elsewhere = Routes(group="demo", environment="production", paths=[Path("//", list=Route("x", chain=[use("nobody")]))])
here = Routes(
    group="demo",
    environment=["test", "local"],
    paths=[
        Path(
            "/x",
            list=Route("x", chain=[use("nobody-here")]),
            create=Route("y", chain=[use("nobody-there")], environment="production"),
        ),
    ],
)
