from core import Cors, Path, RateLimit, Route, Routes

api = Routes(
    group="demo",
    paths=[
        Path("/a", list=Route("a", chain=[], cors=Cors(credentials=True))),
        Path("/b", list=Route("b", chain=[], rate_limit=RateLimit(requests=0, per_s=1))),
        Path("/c", list=Route("c", chain=[], modified="yesterday")),
        Path("/d", list=Route("d", chain=[], timeout_s=0)),
        Path("/e", list=Route("e", chain=[], parameter_overflow="blok")),
        Path("/f", list=Route("", chain=[])),
    ],
)
groupless = Routes(group="")
