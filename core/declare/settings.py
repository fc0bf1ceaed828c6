"""Settings of a project, typed: read as `ctx.settings[DemoSettings]`, overridden in `config/<mode>.py`.

In: a class with annotated defaults in a project's `config/`. Out: the class; `link/` makes the one frozen
instance from its defaults and the overrides of the mode.
"""

from __future__ import annotations

from typing import Any, ClassVar, dataclass_transform

from core.source import Source, caller_source


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Settings:
    """Base of a project's settings.

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
