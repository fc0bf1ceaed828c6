from typing import Annotated

from core import Model, rule


class Range(Model, identity="demo-range", collection="ranges"):
    step: Annotated[int, rule("Nothing is at least 5 and at most 1", min=5, max=1)] = 3


class Text(Model, identity="demo-text", collection="texts"):
    name: Annotated[str, rule("Nor that long and that short", min_length=10, max_length=2)] = ""


class Words(Model, identity="demo-words", collection="words"):
    words: list[Annotated[str, rule(min_length=10, max_length=2)]]


class Slow(Model, identity="demo-slow", collection="slow"):
    name: Annotated[str, rule("Retried once per way to cut a run of letters", match=r"^(?!-)([a-z]+)+$")] = ""


class Odd(Model, identity="demo-odd", collection="odd"):
    name: Annotated[str, rule("Never closed", match="[a-z")] = ""
