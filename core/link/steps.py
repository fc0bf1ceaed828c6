"""From resolved entries to steps that run: slots, needs and the values that fill them.

In: `ChainStep`s of a route in running order. Out: `LinkedStep`s, `LinkedErrorStep`s and the number of slots.
Every section and every provided value gets a slot; a need is the slot of the nearest earlier step that
provides its class or a subclass. An optional need that nothing meets points to a slot that stays empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import TypeVar

from core.declare.route import Body
from core.errors import MissingProvider, WireCode
from core.link.chain import ChainStep, label_of
from core.link.linked import SECTIONS, LinkedErrorStep, LinkedSection, LinkedStep
from core.link.options import check_options
from core.link.sections import SectionCompiler
from core.link.signature import Need
from core.load.loader import Loaded
from core.load.problems import Problems

T = TypeVar("T")

#: what the checks may answer, in mia's order
VALIDATOR_CODES = (
    WireCode.UNEXPECTED_DEFAULT_VALUE,
    WireCode.UNEXPECTED_TYPE,
    WireCode.MIN_LENGTH_UNDERACHIEVED,
    WireCode.MAX_LENGTH_EXCEEDED,
    WireCode.MIN_VALUE_UNDERACHIVED,
    WireCode.MAX_VALUE_EXCEEDED,
    WireCode.VALUE_NOT_ALLOWED,
    WireCode.PATTERN_MISMATCH,
    WireCode.MISSING_REQUIRED_PARAMETER,
)


@dataclass
class StepLinker:
    """Links the steps of one route.

    Attributes:
        steps: in running order.
        identity: of the route, for messages.
        loaded: where providers for hints are looked up.
        problems: gets everything that is wrong.
        slots: how many slots were handed out so far.
        failed: whether something was wrong.
    """

    steps: Sequence[ChainStep]
    identity: str
    loaded: Loaded
    problems: Problems
    slots: int = 0
    failed: bool = False
    _provided: list[int] = field(default_factory=list)
    _empty: int = -1

    def link(self, body: Body, compiler: SectionCompiler) -> tuple[LinkedStep, ...] | None:
        """The steps, ready to run; `None` when something about them is wrong, all of which is reported."""
        compiled = [
            [
                self._attempt(partial(compiler.compile, step, name, body, self._take_slot()))
                for name in SECTIONS
                if name in step.signature.sections
            ]
            for step in self.steps
        ]
        self._provided = [-1 if step.action.provides is None else self._take_slot() for step in self.steps]
        linked = [
            self._link_step(index, [section for section in sections if section is not None])
            for index, sections in enumerate(compiled)
        ]
        return None if self.failed else tuple(linked)

    def link_errors(self, steps: Sequence[ChainStep]) -> tuple[LinkedErrorStep, ...]:
        """Error steps; their needs are met by the first step that provides them."""
        return tuple(
            LinkedErrorStep(
                identity=step.action.controller.identity,
                version=step.action.controller.version,
                function=step.action.name,
                source=step.action.source,
                kind="async" if step.signature.kind == "async" else "sync",
                call=step.action.function,
                arguments=tuple((need.name, self._first_slot(need)) for need in step.signature.needs),
                options=self._attempt(partial(check_options, step)) or {},
            )
            for step in steps
        )

    def _link_step(self, index: int, sections: list[LinkedSection]) -> LinkedStep:
        step = self.steps[index]
        action = step.action
        arguments = [(str(section.section), section.slot) for section in sections]
        for need in step.signature.needs:
            slot = self._attempt(partial(self._nearest_slot, index, need))
            if slot is not None:
                arguments.append((need.name, slot))
        return LinkedStep(
            identity=action.controller.identity,
            version=action.controller.version,
            function=action.name,
            source=action.source,
            kind=step.signature.kind,
            call=action.function,
            arguments=tuple(arguments),
            options=self._attempt(partial(check_options, step)) or {},
            provides_slot=self._provided[index],
            provides=action.provides,
            provides_optional=step.signature.provides_optional,
            sections=tuple(sections),
            responses=MappingProxyType(action.responses),
            authorizes=action.authorizes,
            docs=action.docs,
        )

    def _attempt(self, make: Callable[[], T]) -> T | None:
        made = self.problems.attempt(make)
        self.failed = self.failed or made is None
        return made

    def _nearest_slot(self, index: int, need: Need) -> int:
        for earlier in range(index - 1, -1, -1):
            step = self.steps[earlier]
            if _meets(step, need) and (need.optional or not step.signature.provides_optional):
                return self._provided[earlier]
        if need.optional:
            return self._empty_slot()
        raise self._explain_missing(index, need)

    def _first_slot(self, need: Need) -> int:
        slots = (slot for slot, step in zip(self._provided, self.steps, strict=True) if _meets(step, need))
        slot = next(slots, -1)
        return self._empty_slot() if slot < 0 else slot

    def _take_slot(self) -> int:
        self.slots += 1
        return self.slots - 1

    def _empty_slot(self) -> int:
        if self._empty < 0:
            self._empty = self._take_slot()
        return self._empty

    def _explain_missing(self, index: int, need: Need) -> MissingProvider:
        step = self.steps[index]
        wants = f"{step.label} needs '{need.name}' ({need.type.__name__})"
        message = f"{wants}, which no earlier step of route '{self.identity}' provides"
        for earlier in self.steps[:index]:
            if _meets(earlier, need):
                message = f"{wants}, which {earlier.label} of route '{self.identity}' provides only sometimes"
                return MissingProvider(step.source, message, f"write {need.type.__name__} | None")
        for later in self.steps[index + 1 :]:
            if _meets(later, need):
                return MissingProvider(step.source, message, f"{later.label} provides it, but runs later")
        labels = sorted(self._providers(need))
        hint = f"provided by {', '.join(labels)}" if labels else f"no action has provides={need.type.__name__}"
        return MissingProvider(step.source, message, hint)

    def _providers(self, need: Need) -> Iterator[str]:
        for controller in self.loaded.registry.all("controller"):
            for action in controller.actions.values():
                if isinstance(action.provides, type) and issubclass(action.provides, need.type):
                    yield label_of(action)


def _meets(step: ChainStep, need: Need) -> bool:
    return step.action.provides is not None and issubclass(step.action.provides, need.type)


def merge_responses(steps: Sequence[LinkedStep], *, checked: bool, limited: bool) -> Mapping[int, tuple[str, ...]]:
    """Status → wire codes over a chain, with those of core; each code once, statuses in order.

    Args:
        steps: of the route.
        checked: whether there are preconditions.
        limited: whether there is a rate limit.

    Source: mia.js lists nine validator codes on 400, `RateLimitExceeded` and `InternalServerError`.
    """
    merged: dict[int, dict[str, None]] = {}
    for step in steps:
        for status, codes in step.responses.items():
            merged.setdefault(status, {}).update(dict.fromkeys(codes))
    if checked:
        merged.setdefault(400, {}).update(dict.fromkeys(VALIDATOR_CODES))
    if limited:
        merged.setdefault(429, {})[WireCode.RATE_LIMIT_EXCEEDED] = None
    merged.setdefault(500, {})[WireCode.INTERNAL_SERVER_ERROR] = None
    return MappingProxyType({status: tuple(map(str, merged[status])) for status in sorted(merged)})
