from core import Path, Route, Routes
from projects.demo.params.smuggled import list_prices

api = Routes(group="demo", paths=[Path("/other", list=Route("other", chain=[list_prices]))])
