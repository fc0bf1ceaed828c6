from core import Path, Route, Routes, use
from projects.demo.controllers.todos import check_phone, list_todos

api = Routes(
    group="demo",
    prefix=["/v1", "/latest"],
    paths=[
        Path("./none", list=Route("none", chain=[list_todos])),
        Path("./late", list=Route("late", chain=[list_todos, check_phone])),
        Path("./good", list=Route("good", chain=[check_phone, list_todos])),
        Path("./some", index=Route("some", chain=[use("demo-access", function="maybe"), use("demo-todos")])),
        Path("./what", create=Route("what", chain=[use("demo-todos")])),
    ],
)
