from typing import Annotated

from core import Settings, rule


class DemoSettings(Settings, identity="demo-config"):
    title: str = "A demo"
    size: Annotated[int, rule("Size", min=1)] = 5


class MoreSettings(Settings, identity="demo-more"):
    title: str


class NoIdentity(Settings):
    title: str = ""
