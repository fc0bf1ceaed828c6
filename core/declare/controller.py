"""Controllers, their actions, and how a chain refers to them.

In: decorated functions of a project. Out: `Controller` with `Action`s, and `Use` entries of chains.
Nothing is checked against other files here: that is `link/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, ParamSpec, TypeVar, overload

from core.errors import BadDeclaration
from core.source import Source, caller_source, source_of

P = ParamSpec("P")
R = TypeVar("R")

Responses = Mapping[int, str | Sequence[str]]

#: mia's method keywords; `patch` is new. In listings and in `use`, `del_` is written `del`.
KEYWORDS = ("list", "index", "get", "create", "post", "update", "put", "patch", "delete", "del", "all")


class Action(Generic[P, R]):
    """One function of a controller. Stays a plain callable with its own signature.

    Attributes:
        controller: the controller it belongs to.
        name: mia's keyword, or the name given to `Controller.action`.
        function: the author's function.
        responses: status → wire codes it may answer with, for docs and listings.
        provides: the type it hands to later steps.
        authorizes: whether routes with this step count as protected.
        docs: whether its parameters are shown in the API documentation.
        source: the first line of the function.
    """

    def __init__(
        self,
        controller: Controller,
        name: str,
        function: Callable[P, R],
        *,
        responses: Responses,
        provides: type[Any] | None,
        authorizes: bool,
        docs: bool,
    ) -> None:
        self.controller = controller
        self.name = name
        self.function = function
        self.responses = {
            status: (codes,) if isinstance(codes, str) else tuple(codes) for status, codes in responses.items()
        }
        self.provides = provides
        self.authorizes = authorizes
        self.docs = docs
        self.source = source_of(function)
        self.__doc__ = function.__doc__
        self.__wrapped__ = function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def with_options(self, options: Any) -> Use:
        """This action as a chain entry with options: a dict, or the `Params` it declares."""
        return Use(
            self.controller.identity,
            self.controller.version,
            self.name,
            options=options,
            action=self,
            source=caller_source(),
        )

    def __repr__(self) -> str:
        return f"<Action {self.controller.identity}@{self.controller.version}.{self.name}>"


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
    """A chain entry by identity, for controllers of any project.

    Args:
        identity: `<project>-<thing>` of the controller.
        version: its version.
        function: the action's name; without it the route's keyword is taken, then `all`.
        options: a dict (or `Params`) for the action's `options` parameter, checked at link time.
    """
    return Use(identity, version, function, options, source=caller_source())


class ActionDecorator:
    """`@controller.list` and its siblings; works bare and with keyword arguments."""

    def __init__(self, controller: Controller, name: str) -> None:
        self._controller = controller
        self._name = name

    @overload
    def __call__(self, function: Callable[P, R], /) -> Action[P, R]: ...

    @overload
    def __call__(
        self,
        /,
        *,
        responses: Responses | None = None,
        provides: type[Any] | None = None,
        authorizes: bool = False,
        docs: bool = True,
    ) -> Callable[[Callable[P, R]], Action[P, R]]: ...

    def __call__(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        responses: Responses | None = None,
        provides: type[Any] | None = None,
        authorizes: bool = False,
        docs: bool = True,
    ) -> Any:
        """Declare an action; see `Action` for the arguments."""

        def declare(function: Callable[P, R]) -> Action[P, R]:
            action = Action(
                self._controller,
                self._name,
                function,
                responses=responses or {},
                provides=provides,
                authorizes=authorizes,
                docs=docs,
            )
            self._controller.add(action)
            return action

        return declare if function is None else declare(function)


class Controller:
    """A named, versioned set of actions.

    Args:
        identity: `<project>-<thing>`, what chains refer to.
        version: versions of one identity live side by side.
        group: rights group, informational for listings.
        disabled: a disabled controller is not loaded; chains that name it are load errors.
    """

    def __init__(self, identity: str, *, version: str = "1.0", group: str = "", disabled: bool = False) -> None:
        self.identity = identity
        self.version = version
        self.group = group
        self.disabled = disabled
        self.source = caller_source()
        self.actions: dict[str, Action[..., Any]] = {}
        self.list = ActionDecorator(self, "list")
        self.index = ActionDecorator(self, "index")
        self.get = ActionDecorator(self, "get")
        self.create = ActionDecorator(self, "create")
        self.post = ActionDecorator(self, "post")
        self.update = ActionDecorator(self, "update")
        self.put = ActionDecorator(self, "put")
        self.patch = ActionDecorator(self, "patch")
        self.delete = ActionDecorator(self, "delete")
        self.del_ = ActionDecorator(self, "del")
        self.all = ActionDecorator(self, "all")

    def action(
        self,
        name: str,
        *,
        responses: Responses | None = None,
        provides: type[Any] | None = None,
        authorizes: bool = False,
        docs: bool = True,
    ) -> Callable[[Callable[P, R]], Action[P, R]]:
        """An action under a name of its own, for `use(identity, version, name)`."""
        return ActionDecorator(self, name)(responses=responses, provides=provides, authorizes=authorizes, docs=docs)

    def add(self, action: Action[..., Any]) -> None:
        """Take an action in.

        Raises:
            BadDeclaration: another function holds the name already.
        """
        known = self.actions.get(action.name)
        if known is not None:
            raise BadDeclaration(
                action.source,
                f"controller {self.identity}@{self.version} already has an action '{action.name}'"
                f" at line {known.source.line}",
            )
        self.actions[action.name] = action

    def __repr__(self) -> str:
        return f"<Controller {self.identity}@{self.version}>"
