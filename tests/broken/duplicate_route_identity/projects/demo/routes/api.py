from core import Path, Route, Routes

api = Routes(
    group="demo",
    prefix=["/v1", "/v2"],
    paths=[
        Path("./a", list=Route("todos", chain=[])),
        Path("./b", list=Route("todos", chain=[]), all=Route("all", chain=[])),
    ],
)
