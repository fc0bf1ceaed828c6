from core import Cors, Path, RateLimit, Route, Routes, use

api = Routes(
    group="demo",
    paths=[
        Path("/a", list=Route("a", chain=[], cors=Cors(credentials=True))),
        Path("/b", list=Route("b", chain=[], rate_limit=RateLimit(requests=0, per_s=1))),
        Path("/c", list=Route("c", chain=[], modified="yesterday")),
        Path("/d", list=Route("d", chain=[], timeout_s=0)),
        Path("/e", list=Route("e", chain=[], parameter_overflow="blok")),
        Path("/f", list=Route("", chain=[])),
        Path("/g", list=Route("g", chain=[], body="json")),
        Path("/h", list=Route("h", chain=[], timeout_s="5")),
        Path("/i", list=[]),
        Path(5, list=Route("j", chain=[])),
        Path("/k", list=Route("k", chain=[], modified=5)),
    ],
)
groupless = Routes(group="")
shapeless = Routes(group="demo", before=use("demo-x"))
hostless = Routes(group="demo", host_id=[5])
