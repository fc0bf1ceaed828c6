from typing import Annotated

from core import Settings, env, rule


class DemoSettings(Settings, identity="demo-config"):
    title: str = "A demo"
    size: Annotated[int, rule("Size", min=1)] = 5


class MoreSettings(Settings, identity="demo-more"):
    title: str


class NoIdentity(Settings):
    title: str = ""


class WrongSettings(Settings, identity="demo-wrong"):
    title: Annotated[str, rule("Title", max_length=3)] = "long"
    days: int = env("DEMO_DAYS", default=3)
