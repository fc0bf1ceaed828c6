from core import Model


class Todo(Model, identity="demo-todo", collection="todos", database="mian"):
    name: str = ""


class Base(Model):
    name: str = ""


class Done(Base, identity="demo-done", collection="done"):
    at: str = ""


class Forgotten(Model, collection="forgotten"):
    name: str = ""
