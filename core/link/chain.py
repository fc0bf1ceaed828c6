"""From chain entries to actions: which function of which controller every entry means, with which options.

In: actions and `use(...)` entries of routes. Out: `ChainStep`s with their signatures. Next: `steps.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from core.declare.controller import Action, Use
from core.errors import BadDeclaration, ErrorItem, UnresolvedReference
from core.link.signature import Signature, read_signature
from core.load.loader import Loaded
from core.load.problems import collect, suggest
from core.schema.fields import read_fields
from core.schema.params import compile_section, given
from core.source import Source


@dataclass(frozen=True, slots=True)
class ChainStep:
    """One resolved entry: its action, what that asks for, the options it gets, and the line of the entry."""

    action: Action[..., Any]
    signature: Signature
    options: Mapping[str, Any]
    source: Source


@dataclass(frozen=True, slots=True)
class ChainResolver:
    """Resolves entries; reads each action's signature once."""

    loaded: Loaded
    _signatures: dict[int, Signature] = field(default_factory=dict)

    def resolve(
        self, keyword: str, entries: Iterable[Action[..., Any] | Use], source: Source, role: str
    ) -> list[ChainStep]:
        """The steps of some entries; `keyword` and `source` are the route's, for entries that name no function or line.

        Raises:
            ExceptionGroup: of a `LoadError` for each entry that cannot be resolved.
        """
        steps = collect(lambda entry: self._resolve_entry(entry, keyword, source), entries)
        return collect(lambda step: _check_role(step, errors=role == "errors"), steps)

    def read(self, action: Action[..., Any]) -> Signature:
        """What the action asks for."""
        if id(action) not in self._signatures:
            self._signatures[id(action)] = read_signature(action)
        return self._signatures[id(action)]

    def _resolve_entry(self, entry: Action[..., Any] | Use, keyword: str, source: Source) -> ChainStep:
        action = entry if isinstance(entry, Action) else entry.action
        options = entry.options if isinstance(entry, Use) else None
        if isinstance(entry, Use) and entry.source.line:
            source = entry.source
        if action is None:
            action = self._find_action(entry, keyword, source)
        elif action.controller.disabled:
            label = f"{action.controller.identity}@{action.controller.version}"
            raise UnresolvedReference(source, f"controller '{label}' is disabled")
        elif self.loaded.problems.knows(action.controller.source):
            raise UnresolvedReference(source, "")  # its cause is reported
        else:
            self._find_controller(action.controller, source)
        signature = self.read(action)
        checked = check_options(action, signature, options, source)
        check_whole = getattr(checked.get("options"), "check_options", lambda _: "")
        wrong = check_whole([upstream.identity for upstream in self.loaded.registry.all("upstream")])
        if wrong and not self.loaded.lost:
            raise BadDeclaration(source, f"the options of {action.label} are wrong: {wrong}")
        return ChainStep(action, signature, checked, source)

    def _find_controller(self, named: Any, source: Source) -> Any:
        if self.loaded.is_lost(named.identity):
            raise UnresolvedReference(source, "")
        return self.loaded.registry.get("controller", named.identity, named.version, source=source)

    def _find_action(self, entry: Any, keyword: str, source: Source) -> Action[..., Any]:
        actions: Mapping[str, Action[..., Any]] = self._find_controller(entry, source).actions
        names = [entry.function] if entry.function else [keyword, "all"]
        if found := [actions[name] for name in names if name in actions]:
            return found[0]
        wanted = f"no action '{names[0]}'" if entry.function else f"neither an action '{keyword}' nor 'all'"
        message = f"controller '{entry.identity}@{entry.version}' has {wanted}"
        raise UnresolvedReference(source, message, suggest(names[0], actions, none="it has none"))


def _check_role(step: ChainStep, *, errors: bool) -> ChainStep:
    if step.signature.is_error_step and not errors:
        message = f"{step.action.label} takes an error, so it cannot stand in a chain"
        raise BadDeclaration(step.source, message, "name it in errors=[…]")
    if errors and not step.signature.is_error_step:
        hint = "an error step takes 'error: HTTPError'"
        raise BadDeclaration(step.source, f"{step.action.label} is no error step", hint)
    return step


def check_options(action: Action[..., Any], signature: Signature, raw: Any, source: Source) -> Mapping[str, Any]:
    """`{"options": …}` for an action that takes options, else nothing; checked once, at the line of the `use(...)`."""
    cls = signature.options
    if cls is None or (raw is None and signature.options_default):
        if raw is not None:
            hint = "it would need a keyword-only parameter 'options'"
            raise BadDeclaration(source, f"{action.label} takes no options", hint)
        return MappingProxyType({})
    raw = given(raw) if isinstance(raw, cls) else {} if raw is None else raw
    if not isinstance(raw, Mapping):
        raise BadDeclaration(source, f"the options of {action.label} must be a dict or {cls.__name__}, not {raw!r}")
    wires = {name: field.wire for field in read_fields(cls) for name in (field.name, field.wire)}
    for name in raw:
        if name not in wires:
            hint = suggest(str(name), wires, none="it has none")
            raise BadDeclaration(source, f"{action.label} has no option '{name}'", hint)
    errors: list[ErrorItem] = []
    checked = compile_section(cls, "body")({wires[name]: value for name, value in raw.items()}, errors)
    if errors:
        what = "; ".join(item.msg or f"{item.id}: {item.code}" for item in errors)
        raise BadDeclaration(source, f"the options of {action.label} are wrong: {what}")
    return MappingProxyType({"options": checked})
