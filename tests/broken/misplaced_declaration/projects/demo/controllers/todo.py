from core import Model


class Todo(Model, identity="demo-todo", collection="demo-todos"):
    name: str = ""
