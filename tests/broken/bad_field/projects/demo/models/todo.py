from typing import Annotated

from core import Model, rule


class Todo(Model, identity="demo-todo", collection="todos"):
    name: Annotated[str, rule("Name", min=3)] = ""


class Set(Model, identity="demo-set", collection="sets"):
    names: set[str]


class Shop(Model, identity="demo-shop", collection="shops", shard_key=["regoin"]):
    region: str
