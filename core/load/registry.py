"""What was declared, by kind, identity and version.

In: declarations from `load/loader.py`. Out: look-ups for `link/`, and for steps through `ctx`. Frozen before
anything is linked: who adds later has a bug.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from core.errors import BadDeclaration, DuplicateIdentity, UnresolvedReference
from core.load.problems import did_you_mean
from core.source import Source, author_source

Kind = Literal["controller", "model", "lib", "translations", "settings", "cron", "command", "project", "upstream"]
Key = tuple[str, str, str]


class Registry:
    """Several versions of one identity live side by side; messages name files relative to `root`."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._values: dict[Key, Any] = {}
        self._sources: dict[Key, Source] = {}
        self._disabled: set[Key] = set()
        self._frozen = False

    def add(self, kind: Kind, declaration: Any, value: Any = None) -> None:
        """Take in anything with `identity`, `version`, `disabled`, `source`; `value` is what look-ups return instead.

        Raises:
            BadDeclaration: its identity or version is no text.
            DuplicateIdentity: another one has both; names its place.
        """
        if self._frozen:
            raise RuntimeError("the registry is frozen")
        for name in ("identity", "version"):
            text = getattr(declaration, name)
            if not isinstance(text, str) or not text.strip():
                message = f"the {name} of a {kind} must be a text that is not empty, not {text!r}"
                raise BadDeclaration(declaration.source, message)
        key = (kind, declaration.identity, declaration.version)
        if declaration.disabled:
            self._disabled.add(key)
        elif key in self._values:
            place = self._sources[key].relative_to(self._root)
            message = f"{kind} '{key[1]}@{key[2]}' is declared at {place}, too"
            raise DuplicateIdentity(declaration.source, message)
        else:
            self._values[key] = value or declaration
            self._sources[key] = declaration.source

    def freeze(self) -> None:
        """From here on nothing can be added."""
        self._frozen = True

    def get(self, kind: Kind, identity: str, version: str = "1.0", *, source: Source | None = None) -> Any:
        """The declaration of that name; `source` is where it is asked for, by default the calling line.

        Raises:
            UnresolvedReference: there is none; the message names what comes close.
        """
        if (kind, identity, version) not in self._values:
            raise self._explain_unknown(kind, identity, version, source or author_source())
        return self._values[kind, identity, version]

    def all(self, kind: Kind) -> tuple[Any, ...]:
        """Every declaration of a kind, in the order of loading."""
        return tuple(value for key, value in self._values.items() if key[0] == kind)

    def _explain_unknown(self, kind: Kind, identity: str, version: str, source: Source) -> UnresolvedReference:
        if (kind, identity, version) in self._disabled:
            return UnresolvedReference(source, f"{kind} '{identity}@{version}' is disabled")
        known = [key[1:] for key in self._values if key[0] == kind]
        versions = ", ".join(sorted(other for name, other in known if name == identity))
        if versions:
            return UnresolvedReference(source, f"{kind} '{identity}' has no version {version}", f"known are {versions}")
        return UnresolvedReference(source, f"unknown {kind} '{identity}'", did_you_mean(identity, dict(known)))
