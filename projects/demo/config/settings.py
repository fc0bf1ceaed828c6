"""Settings of the demo. `config/<mode>.py` may override each: `projects={"demo-config": {"title": "…"}}`."""

from __future__ import annotations

from typing import Annotated

from core import Settings, factory, rule


def default_todos() -> list[str]:
    return [
        "Read the quickstart",
        "Start the server",
        "Call the demo API",
        "Write a controller of my own",
        "Tell a friend about Catena",
    ]


class DemoSettings(Settings, identity="demo-config"):
    # The title is sent as a header, so it is plain text.
    title: Annotated[str, rule("Sent in the header About", max_length=200, match=r"^[ -~]*$")] = "This is a demo API"
    default_todos: Annotated[list[str], rule("What an empty list starts with", max_length=64)] = factory(default_todos)
