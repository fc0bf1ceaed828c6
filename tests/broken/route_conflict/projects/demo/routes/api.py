from core import Path, Route, Routes

api = Routes(
    group="demo",
    prefix="/demo",
    host_id="api",
    paths=[
        Path("./todo/:id", get=Route("a", chain=[])),
        Path("./Todo", index=Route("b", chain=[]), all=Route("c", chain=[])),
        Path("./todo/:name", patch=Route("d", chain=[])),
    ],
)
other_host = Routes(group="demo", prefix="/demo", host_id="www", paths=[Path("./todo/:x", get=Route("a", chain=[]))])
