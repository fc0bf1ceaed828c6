"""Controllers, their actions, and how a chain refers to them.

In: decorated functions of a project. Out: `Controller` with `Action`s, and `Use` entries of chains.
Nothing is checked against other files here: that is `link/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, overload

from core.declare.function import Declared, P, R
from core.errors import BadDeclaration
from core.source import Source, caller_source

#: mia's method keywords; `patch` is new. In listings and in `use`, `del_` is written `del`.
KEYWORDS = ("list", "index", "get", "create", "post", "update", "put", "patch", "delete", "del", "all")

Responses = Mapping[int, str | Sequence[str]]
Provided = type[Any] | None
_NONE: Responses = MappingProxyType({})


class Action(Declared[P, R]):
    """One function of a controller: `name` is mia's keyword, or the name given to `Controller.action`.

    Attributes:
        responses: status → wire codes it may answer with, for docs and listings.
        provides: the type it hands to later steps.
        authorizes: whether routes with this step count as protected.
        docs: whether its parameters are shown in the API documentation.
    """

    def __init__(
        self,
        controller: Controller,
        name: str,
        function: Callable[P, R],
        *,
        responses: Responses = _NONE,
        provides: Provided = None,
        authorizes: bool = False,
        docs: bool = True,
    ) -> None:
        super().__init__(function)
        self.controller = controller
        self.name = name
        self.responses = {
            status: (codes,) if isinstance(codes, str) else tuple(codes) for status, codes in responses.items()
        }
        self.provides = provides
        self.authorizes = authorizes
        self.docs = docs

    @property
    def label(self) -> str:
        """`identity@version.function`, as listings and messages print it."""
        return f"{self.controller.identity}@{self.controller.version}.{self.name}"

    def with_options(self, options: Any) -> Use:
        """This action as a chain entry with options: a dict, or the `Params` it declares."""
        controller = self.controller
        return Use(controller.identity, controller.version, self.name, options, self, caller_source())

    def __repr__(self) -> str:
        return f"<Action {self.label}>"


@dataclass(frozen=True, slots=True)
class Use:
    """A chain entry that names a controller. `action` is set when it was made from an imported one."""

    identity: str
    version: str = "1.0"
    function: str | None = None
    options: Any = None
    action: Action[..., Any] | None = field(default=None, repr=False)
    source: Source = field(default=Source("", 0), repr=False, compare=False)


def use(identity: str, version: str = "1.0", function: str | None = None, options: Any = None) -> Use:
    """A chain entry by identity, for controllers of any project; the version may be left out.

    Without `function` the route's keyword is taken, then `all`. `options` is a dict (or `Params`) for the action's
    `options` parameter, checked at link time.
    """
    return Use(identity, version, function, options, source=caller_source())


class ActionDecorator:
    """`@controller.list` and its siblings; works bare and with the keyword arguments of `Action`."""

    def __init__(self, controller: Controller, name: str) -> None:
        self._controller = controller
        self._name = name

    @overload
    def __call__(self, function: Callable[P, R], /) -> Action[P, R]: ...

    @overload
    def __call__(
        self, *, responses: Responses = _NONE, provides: Provided = None, authorizes: bool = False, docs: bool = True
    ) -> Callable[[Callable[P, R]], Action[P, R]]: ...

    def __call__(self, function: Callable[..., Any] | None = None, **options: Any) -> Any:
        """Declare an action."""

        def declare(function: Callable[P, R]) -> Action[P, R]:
            return self._controller.add(Action(self._controller, self._name, function, **options))

        return declare if function is None else declare(function)


class Controller:
    """A named, versioned set of actions; versions of one identity live side by side.

    `group` is a rights group, informational for listings. A `disabled` controller is not loaded.
    """

    def __init__(self, identity: str, *, version: str = "1.0", group: str = "", disabled: bool = False) -> None:
        self.identity = identity
        self.version = version
        self.group = group
        self.disabled = disabled
        self.source = caller_source()
        self.actions: dict[str, Action[..., Any]] = {}
        decorators = [ActionDecorator(self, name) for name in KEYWORDS]
        self.list, self.index, self.get, self.create, self.post, self.update, *others = decorators
        self.put, self.patch, self.delete, self.del_, self.all = others

    def action(
        self,
        name: str,
        *,
        responses: Responses = _NONE,
        provides: Provided = None,
        authorizes: bool = False,
        docs: bool = True,
    ) -> Callable[[Callable[P, R]], Action[P, R]]:
        """An action under a name of its own, for `use(identity, version, name)`."""
        return ActionDecorator(self, name)(responses=responses, provides=provides, authorizes=authorizes, docs=docs)

    def add(self, action: Action[P, R]) -> Action[P, R]:
        """Take an action in, unless another function holds its name."""
        known = self.actions.setdefault(action.name, action)
        if known is not action:
            name = f"controller {self.identity}@{self.version}"
            message = f"{name} already has an action '{action.name}' at line {known.source.line}"
            raise BadDeclaration(action.source, message)
        return action

    def __repr__(self) -> str:
        return f"<Controller {self.identity}@{self.version}>"
