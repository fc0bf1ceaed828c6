"""A project's own declarations: what it builds on, its libraries, its texts and its settings.

In: `project.py`, `libs/` and `config/` of a project. Out: values for `load/` and `link/`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar, dataclass_transform

from core.source import Source, caller_source

#: key → language → text, or key → language → region → text
Texts = Mapping[str, Mapping[str, str | Mapping[str, str]]]


class Project:
    """What a project says of itself: the name of its folder, and whose `models/` and `params/` it may import."""

    version = "1.0"

    def __init__(self, identity: str, *, requires: str | Sequence[str] = (), disabled: bool = False) -> None:
        self.identity = identity
        self.requires = (requires,) if isinstance(requires, str) else tuple(requires)
        self.disabled = disabled
        self.source = caller_source()


class Lib:
    """Marks the module it stands in as a library: `ctx.lib("demo-lib")` returns that module."""

    def __init__(self, identity: str, *, version: str = "1.0", disabled: bool = False) -> None:
        self.identity = identity
        self.version = version
        self.disabled = disabled
        self.source = caller_source()


@dataclass(frozen=True, eq=False)
class Translations:
    """A group of translated texts, for `ctx.t(group, key)`; mia.js called them a config module.

    `texts`: key → language → text, or key → language → region → text. `[0]`…`[9]` and `[name]` in a text are replaced.
    """

    version = "1.0"

    identity: str
    texts: Texts
    _: KW_ONLY
    disabled: bool = False
    source: Source = field(default_factory=lambda: caller_source(2), repr=False)


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Settings:
    """Base of a project's settings: read as `ctx.settings[DemoSettings]`, overridden in `config/<mode>.py`.

    Class keywords: `identity` (required; what `config/<mode>.py` overrides by), `version`, `disabled`.
    Every field needs a default, so that a project runs as it is. The rules of `rule(...)` apply.
    """

    identity: ClassVar[str]
    version: ClassVar[str]
    disabled: ClassVar[bool]
    source: ClassVar[Source]

    def __init_subclass__(cls, *, identity: str = "", version: str = "1.0", disabled: bool = False) -> None:
        super().__init_subclass__()
        cls.identity = identity
        cls.version = version
        cls.disabled = disabled
        cls.source = caller_source()

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"settings are frozen: {type(self).__name__}.{name}")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {', '.join(self.__dict__)}>"
