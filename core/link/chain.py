"""From chain entries to actions: which function of which controller every entry means.

In: actions and `use(...)` entries of routes. Out: `ChainStep`s with their signatures. Next: `steps.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from core.declare.controller import Action, Use
from core.errors import BadDeclaration, UnresolvedReference
from core.link.signature import Signature, read_signature
from core.load.loader import Loaded, LoadedProject
from core.load.problems import Problems
from core.load.registry import Entry
from core.load.suggest import did_you_mean, list_known
from core.source import Source


@dataclass(frozen=True, slots=True)
class ChainStep:
    """One resolved entry of a chain.

    Attributes:
        action: the action it means.
        signature: what that asks for and gives.
        options: what the entry gives as options, or `None`.
        source: the line of the entry: its `use(...)`, else the route.
    """

    action: Action[..., Any]
    signature: Signature
    options: Any
    source: Source

    @property
    def label(self) -> str:
        """`identity@version.function`."""
        return label_of(self.action)


@dataclass
class ChainResolver:
    """Resolves entries; reads each action's signature once."""

    loaded: Loaded
    problems: Problems
    _signatures: dict[int, Signature | None] = field(default_factory=dict)

    def resolve(
        self, entries: Iterable[Any], keyword: str, source: Source, project: LoadedProject | None
    ) -> list[ChainStep | None]:
        """The steps of some entries; `None` stands for one that cannot be resolved, which is reported.

        Args:
            entries: of one chain, in order.
            keyword: the route's keyword, for entries without function.
            source: the line of the route or routes file.
            project: the project of the routes file; `None` for entries of the configuration.
        """
        return [
            self.problems.attempt(partial(self._resolve_entry, entry, keyword, source, project)) for entry in entries
        ]

    def signature_of(self, action: Action[..., Any]) -> Signature | None:
        """What the action asks for; `None` when it cannot be read, which is reported once."""
        if id(action) not in self._signatures:
            read = partial(read_signature, action, label_of(action))
            self._signatures[id(action)] = self.problems.attempt(read)
        return self._signatures[id(action)]

    def _resolve_entry(
        self, entry: Any, keyword: str, source: Source, project: LoadedProject | None
    ) -> ChainStep | None:
        options = None
        if isinstance(entry, Use):
            source = entry.source if entry.source.line else source
            options = entry.options
            action = entry.action or self._find_action(entry, keyword, source)
            imported = entry.action is not None
        elif isinstance(entry, Action):
            action, imported = entry, True
        else:
            raise _refuse_entry(entry, source)
        if action is None or (imported and not self._check_imported(action, source, project)):
            return None
        signature = self.signature_of(action)
        return None if signature is None else ChainStep(action, signature, options, source)

    def _find_action(self, entry: Use, keyword: str, source: Source) -> Action[..., Any] | None:
        if self.loaded.registry.is_lost(entry.identity):
            return None
        found = self.loaded.registry.entry("controller", entry.identity, entry.version, source=source)
        actions: Mapping[str, Action[..., Any]] = found.value.actions
        names = [entry.function] if entry.function else [keyword, "all"]
        for name in names:
            if name in actions:
                return actions[name]
        wanted = f"'{names[0]}'" if len(names) == 1 else f"'{keyword}' nor 'all'"
        hint = did_you_mean(names[0], actions) or list_known(actions, none="it has none")
        word = "action" if len(names) == 1 else "action for this method, neither"
        raise UnresolvedReference(source, f"controller '{found.label}' has no {word} {wanted}", hint)

    def _check_imported(self, action: Action[..., Any], source: Source, project: LoadedProject | None) -> bool:
        """Whether an imported action may stand in a chain of this project; raises if not, once."""
        controller = action.controller
        entry = self.loaded.registry.find("controller", controller.identity).get(controller.version)
        if entry is None or entry.value is not controller:
            if not controller.disabled and self._is_reported(controller.source):
                return False
            state = "is disabled" if controller.disabled else "is not loaded from a controllers/ folder"
            raise UnresolvedReference(source, f"controller '{controller.identity}@{controller.version}' {state}")
        owner = self.loaded.projects[entry.project]
        if project is not None and owner.name != project.name and not owner.shared:
            if (source.file, owner.name) in self.loaded.forbidden:
                return False
            raise _refuse_foreign(action, entry, source)
        return True

    def _is_reported(self, source: Source) -> bool:
        return any(problem.source == source for problem in self.problems)


def label_of(action: Action[..., Any]) -> str:
    """`identity@version.function`, as listings and messages print an action."""
    return f"{action.controller.identity}@{action.controller.version}.{action.name}"


def _refuse_entry(entry: Any, source: Source) -> BadDeclaration:
    name = getattr(entry, "__name__", None)
    if name is None:
        return BadDeclaration(
            source,
            f"a chain entry must be an action or use(…), not {entry!r}",
            "import the action, or name it by use()",
        )
    return BadDeclaration(
        source, f"chain entry '{name}' is no action", "decorate it with its controller: @controller.list, …"
    )


def _refuse_foreign(action: Action[..., Any], entry: Entry, source: Source) -> BadDeclaration:
    controller = action.controller
    return BadDeclaration(
        source,
        f"'{label_of(action)}' is imported from another project, '{entry.project}'",
        f'write use("{controller.identity}", "{controller.version}", "{action.name}")',
    )
