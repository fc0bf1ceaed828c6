from core import Path, Route, Routes

api = Routes(group="demo", paths=[Path("/x", list=Route("x", chain=[]))])
