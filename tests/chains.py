"""A controller with one action of each kind, and routes over it, for tests of the linker.

In: chains as text. Out: what the linker makes of them.
"""

from __future__ import annotations

from pathlib import Path

from core.link.linked import Linked, LinkedRoute
from core.settings import ServerSettings
from tests.applications import PLAIN, link_files

HEAD = """
from core.declare.controller import Controller, use
from core.declare.route import *
from core.schema.params import Params
from core.declare.route import Stream
from core.errors import HTTPError
"""
STEPS = (
    HEAD
    + """
class Device: ...
class Phone(Device): ...

class Page(Params):
    limit: int = 25

class NewTodo(Params):
    name: str

class TodoPath(Params):
    id: str

class Token(Params):
    access_key: str = ""
    X_Trace: str = ""

c = Controller("demo-c")
out = Controller("demo-out")
failing = Controller("demo-failing")

@c.list(responses={200: "Success", 409: ["A", "B"]})
async def list_all(ctx, *, query: Page): ...

@c.index
async def get_one(ctx, *, path: TodoPath): ...

@c.create(responses={409: ["B", "C"]})
async def create(ctx, *, body: NewTodo, header: Token): ...

@c.all
def anything(ctx): ...

@c.action("phone", provides=Phone, authorizes=True)
async def phone(ctx) -> Phone: ...

@c.action("device", provides=Device)
async def device(ctx) -> Device: ...

@c.action("maybe", provides=Device)
async def maybe(ctx) -> Device | None: ...

@c.action("wants")
async def wants(ctx, *, device: Device, lucky: int = 7): ...

@c.action("might")
async def might(ctx, *, phone: Phone | None): ...

@c.action("around")
async def around(ctx):
    yield None

@c.action("free")
async def free(ctx, *, body: dict[str, object]): ...

@c.action("many")
async def many(ctx, *, body: list[NewTodo]): ...

@c.action("raw")
async def raw(ctx, *, body: bytes): ...

@c.action("stream")
async def stream(ctx, *, body: Stream): ...

@c.action("optional", provides=Device)
async def optional(ctx, *, options: Page = None) -> Device: ...

@c.action("text")
async def text(ctx, *, body: str): ...

@out.all
async def output(ctx): ...

@failing.all
async def fail(ctx, *, error: HTTPError, phone: Phone | None, device: Device | None): ...
"""
)


def link_routes(root: Path, text: str, settings: ServerSettings = PLAIN, mode: str = "test") -> Linked:
    files = {"projects/demo/controllers/c.py": STEPS, "projects/demo/routes/api.py": f"{HEAD}{text}"}
    return link_files(root, files, settings, mode)


def link_one(root: Path, chain: str, more: str = "", file: str = "", settings: ServerSettings = PLAIN) -> LinkedRoute:
    text = f'api = Routes(group="demo", {file} paths=[Path("/x", post=Route("x", chain=[{chain}], {more}))])\n'
    (route,) = link_routes(root, text, settings).routes
    return route


def labels(linked: Linked) -> list[str]:
    return [route.label for route in linked.routes]


def named(*names: str) -> str:
    return ", ".join(f'use("demo-c", function="{name}")' for name in names)
