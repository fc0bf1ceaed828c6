from core import Path, Route, Routes, use
from projects.demo.controllers.limiter import LimiterOptions, limit, plain

api = Routes(
    group="demo",
    paths=[
        Path("/good", list=Route("good", chain=[limit.with_options({"per_minute": 5})])),
        Path("/same", list=Route("same", chain=[limit.with_options(LimiterOptions(per_minute=5))])),
        Path("/missing", list=Route("missing", chain=[limit])),
        Path("/typo", list=Route("typo", chain=[use("demo-limiter", options={"per_minutes": 5})])),
        Path("/wrong", list=Route("wrong", chain=[use("demo-limiter", options={"per_minute": "many"})])),
        Path("/list", list=Route("list", chain=[use("demo-limiter", options=[5])])),
        Path("/untaken", list=Route("untaken", chain=[plain.with_options({"per_minute": 5})])),
    ],
)
