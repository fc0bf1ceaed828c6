from core import Path, Route, Routes

every_host = Routes(group="shop", paths=[Path("/demo/todo", put=Route("e", chain=[]))])
