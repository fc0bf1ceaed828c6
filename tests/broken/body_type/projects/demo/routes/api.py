from core import Body, Path, Route, Routes, use

api = Routes(
    group="demo",
    paths=[
        Path("/a", create=Route("a", chain=[use("demo-todos")], body=Body(type="none"))),
        Path("/b", create=Route("b", chain=[use("demo-todos", function="raw")], body=Body(type="json"))),
        Path("/c", create=Route("c", chain=[use("demo-todos", function="file")], body=Body(type="json"))),
        Path("/d", create=Route("d", chain=[use("demo-todos", function="raw")])),
        Path("/e", create=Route("e", chain=[use("demo-todos", function="raw"), use("demo-todos")])),
        Path("/f", create=Route("f", chain=[use("demo-todos", function="number")])),
        Path("/g", create=Route("g", chain=[], body=Body(type="jsno"))),
    ],
)
