from core import Path, Route, Routes

api = Routes(group="demo", host_id="www", paths=[Path("/x", list=Route("x", chain=[]))])
