"""A project's own declarations: the projects it builds on, its translations and its upstreams' names.

In: literals in `projects/<name>/project.py` and `config/`. Out: values for `load/` and `link/`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.source import caller_source

#: key → language → text, or key → language → region → text
Texts = Mapping[str, Mapping[str, str | Mapping[str, str]]]


class Project:
    """What a project says of itself.

    Args:
        identity: the name of its folder.
        requires: projects whose `models/` and `params/` it may import.
        disabled: a disabled project is not loaded at all.
    """

    def __init__(self, identity: str, *, requires: Sequence[str] = (), disabled: bool = False) -> None:
        self.identity = identity
        self.version = "1.0"
        self.requires = tuple(requires)
        self.disabled = disabled
        self.source = caller_source()


class Translations:
    """A group of translated texts, for `ctx.t(group, key)`.

    Args:
        identity: the group; mia.js called this the identity of a config module.
        texts: key → language → text, or key → language → region → text. `[0]`…`[9]` and `[name]`
            in a text are replaced.
    """

    def __init__(self, identity: str, texts: Texts, *, disabled: bool = False) -> None:
        self.identity = identity
        self.version = "1.0"
        self.texts = texts
        self.disabled = disabled
        self.source = caller_source()
