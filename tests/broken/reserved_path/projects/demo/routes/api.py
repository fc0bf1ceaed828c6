from core import Path, Route, Routes

api = Routes(
    group="demo",
    paths=[
        Path("./docs", list=Route("docs", chain=[])),
        Path("/api-docs/more", list=Route("api-docs", chain=[])),
        Path("/health/live", list=Route("health", chain=[])),
        Path("/health", list=Route("fine", chain=[])),
    ],
)
