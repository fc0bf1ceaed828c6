from core import Path, Route, Routes

api = Routes(
    group="demo",
    paths=[
        Path("todo", list=Route("a", chain=[])),
        Path("./a//b", list=Route("b", chain=[])),
        Path("./:id", index=Route("c", chain=[])),
        Path("./*/x", list=Route("d", chain=[])),
        Path("./what?", list=Route("e", chain=[])),
        Path("./:my-id", list=Route("f", chain=[])),
        Path("/../x", list=Route("g", chain=[])),
        Path("/files/*", list=Route("fine", chain=[])),
        "./text",
    ],
)
bare = Routes(group="demo", prefix="demo")
