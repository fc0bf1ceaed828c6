"""Libraries: modules of a project that others find by identity.

In: `lib = Lib("demo-lib", version="1.0")` in a file of `libs/`. Out: the loader files the module
under that identity; `ctx.lib("demo-lib")` returns it.
"""

from __future__ import annotations

from core.source import caller_source


class Lib:
    """Marks the module it stands in as a library."""

    def __init__(self, identity: str, *, version: str = "1.0", disabled: bool = False) -> None:
        self.identity = identity
        self.version = version
        self.disabled = disabled
        self.source = caller_source()
