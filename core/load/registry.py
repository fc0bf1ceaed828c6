"""What was declared, by kind, identity and version.

In: declarations from `load/loader.py`. Out: look-ups for `link/`, and for steps through `ctx`. Frozen before
anything is linked: who adds later has a bug.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.errors import BadDeclaration, DuplicateIdentity, UnresolvedReference
from core.load.problems import Problems
from core.load.suggest import did_you_mean
from core.source import Source, caller_source

Kind = Literal["controller", "model", "lib", "translations", "settings", "cron", "command", "project"]

_WORDS: Mapping[str, str] = {"translations": "translation group", "settings": "settings"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One declaration and where it belongs.

    Attributes:
        kind, identity, version: what it is found by.
        value: the declaration; for a lib the module it marks.
        source: where it stands.
        project: folder name of its project.
    """

    kind: Kind
    identity: str
    version: str
    value: Any
    source: Source
    project: str

    @property
    def label(self) -> str:
        """`identity@version`."""
        return f"{self.identity}@{self.version}"


class Registry:
    """Declarations by kind, identity and version; several versions of one identity live side by side.

    Args:
        root: messages name files relative to it.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._entries: dict[tuple[str, str, str], Entry] = {}
        self._disabled: set[tuple[str, str, str]] = set()
        self._lost: list[str] = []
        self._frozen = False

    def add(self, kind: Kind, declaration: Any, problems: Problems, *, project: str = "", value: Any = None) -> None:
        """Take a declaration in; one that is disabled is remembered only for messages.

        Args:
            kind: its kind.
            declaration: anything with `identity`, `version`, `disabled` and `source`.
            problems: gets what is wrong with its identity, duplicates included.
            project: folder name of its project.
            value: what look-ups return, if not the declaration itself.

        Raises:
            RuntimeError: the registry is frozen.
        """
        if self._frozen:
            raise RuntimeError("the registry is frozen")
        source: Source = declaration.source
        for name in ("identity", "version"):
            text = getattr(declaration, name)
            if not isinstance(text, str) or not text.strip():
                message = f"the {name} of a {_word(kind)} must be a text that is not empty, not {text!r}"
                problems.add(BadDeclaration(source, message))
                return
        key = (kind, declaration.identity, declaration.version)
        if declaration.disabled:
            self._disabled.add(key)
            return
        known = self._entries.get(key)
        if known is None:
            self._entries[key] = Entry(*key, value or declaration, source, project)
        else:
            place = known.source.relative_to(self._root)
            label = known.identity if kind in ("project", "command", "cron") else known.label
            problems.add(DuplicateIdentity(source, f"{_word(kind)} '{label}' is declared at {place}, too"))

    def lose(self, text: str) -> None:
        """Remember the text of a file that failed: what it would have declared is not reported as unknown."""
        self._lost.append(text)

    def freeze(self) -> None:
        """From here on nothing can be added."""
        self._frozen = True

    def get(self, kind: Kind, identity: str, version: str = "1.0", *, source: Source | None = None) -> Any:
        """The declaration of that name.

        Args:
            kind: of what.
            identity: `<project>-<thing>`.
            version: its version.
            source: where it is asked for; by default the calling line.

        Raises:
            UnresolvedReference: there is none; the message names what comes close.
        """
        return self.entry(kind, identity, version, source=source or caller_source()).value

    def entry(self, kind: Kind, identity: str, version: str, *, source: Source) -> Entry:
        """As `get`, with the place and project of the declaration."""
        found = self._entries.get((kind, identity, version))
        if found is None:
            raise self._explain_unknown(kind, identity, version, source)
        return found

    def find(self, kind: Kind, identity: str) -> Mapping[str, Entry]:
        """Every version of an identity: version → entry; empty when there is none."""
        return {
            entry.version: entry
            for entry in self._entries.values()
            if entry.kind == kind and entry.identity == identity
        }

    def all(self, kind: Kind) -> tuple[Any, ...]:
        """Every declaration of a kind, in the order of loading."""
        return tuple(entry.value for entry in self.entries(kind))

    def entries(self, kind: Kind) -> tuple[Entry, ...]:
        """As `all`, with place and project."""
        return tuple(entry for entry in self._entries.values() if entry.kind == kind)

    def is_lost(self, identity: str) -> bool:
        """Whether a file that failed to import mentions the identity."""
        return any(f'"{identity}"' in text or f"'{identity}'" in text for text in self._lost)

    def _explain_unknown(self, kind: Kind, identity: str, version: str, source: Source) -> UnresolvedReference:
        word = _word(kind)
        if (kind, identity, version) in self._disabled:
            return UnresolvedReference(source, f"{word} '{identity}@{version}' is disabled")
        versions = sorted(self.find(kind, identity))
        if versions:
            exist = f"version {versions[0]} exists" if len(versions) == 1 else f"there are {versions}"
            exist = exist.translate(str.maketrans("", "", "[]'"))
            return UnresolvedReference(source, f"{word} '{identity}' has no version {version}", exist)
        known = {entry.identity for entry in self._entries.values() if entry.kind == kind}
        return UnresolvedReference(source, f"unknown {word} '{identity}'", did_you_mean(identity, known))


def _word(kind: Kind) -> str:
    return _WORDS.get(kind, kind)
