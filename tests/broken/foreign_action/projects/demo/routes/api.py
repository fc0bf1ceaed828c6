from core import Path, Route, Routes
from projects.shop.controllers.prices import list_prices

api = Routes(group="demo", paths=[Path("/prices", list=Route("prices", chain=[list_prices]))])
