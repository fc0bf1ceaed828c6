from core import Path, Route, Routes, use
from projects.demo.controllers.todos import list_todos
from projects.shop.controllers.prices import list_prices

api = Routes(
    group="demo",
    prefix=["/v1", "/latest"],
    host_id="www",
    before=[use("demo-brokn")],
    paths=[
        Path("todo", list=Route("a", chain=[list_todos])),
        Path("./docs", list=Route("b", chain=[list_prices])),
    ],
)
other = Routes(
    group="demo",
    prefix="/docs",
    paths=[
        Path("./todo", list=Route("a", chain=[list_todos])),
        Path("/one/:id", get=Route("c", chain=[use("demo-broken")])),
        Path("/two/:a", get=Route("d", chain=[])),
        Path("/two/:b", get=Route("d", chain=[])),
    ],
)
