"""Values with references: `"{user.name}"` in texts, lists and objects, filled from what is known.

In: a template of an options file, and a scope: names and values. Out: the template with its references replaced. A text
that is one reference takes the value as it is; in other texts values stand as text. What is not there is `None`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

Render = Callable[[Mapping[str, Any]], Any]

_REFERENCE: Final = re.compile(r"\{([A-Za-z_][\w-]*(?:\.[\w-]+)*)\}")


def names_in(template: Any) -> Iterator[str]:
    """The first names of all references."""
    if isinstance(template, str):
        yield from (path.partition(".")[0] for path in _REFERENCE.findall(template))
    elif isinstance(template, Mapping):
        for value in template.values():
            yield from names_in(value)
    elif isinstance(template, list):
        for value in template:
            yield from names_in(value)


def compile_template(template: Any) -> Render:
    """A function that fills the template."""
    if isinstance(template, Mapping):
        members = {name: compile_template(value) for name, value in template.items()}
        return lambda scope: {name: render(scope) for name, render in members.items()}
    if isinstance(template, list):
        items = [compile_template(value) for value in template]
        return lambda scope: [render(scope) for render in items]
    if not isinstance(template, str) or not _REFERENCE.search(template):
        return lambda _: template
    whole = _REFERENCE.fullmatch(template)
    if whole is not None:
        path = whole[1].split(".")
        return lambda scope: _look_up(scope, path)
    return lambda scope: _REFERENCE.sub(lambda found: _to_text(_look_up(scope, found[1].split("."))), template)


def _look_up(scope: Mapping[str, Any], path: list[str]) -> Any:
    value: Any = scope
    for name in path:
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def _to_text(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
