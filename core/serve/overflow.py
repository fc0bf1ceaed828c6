"""Fields that no step declares: ignored, logged or refused.

In: the raw query and body of a request. Out: nothing, or a 400 per section. Runs after the preconditions.
Source: mia.js `parameterOverflow`; names are compared at the top level, sections merged over all steps.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from core.errors import ErrorItem, PreconditionFailed, WireCode
from core.link.linked import Section
from core.serve.context import Context

_log = logging.getLogger("catena.chain")
_WATCHED: tuple[Section, ...] = ("query", "body")


def check_overflow(ctx: Context, raw: Mapping[str, Any]) -> None:
    """Apply the route's policy for unknown fields.

    Raises:
        PreconditionFailed: the policy is `block` and there are some.
    """
    errors = []
    for section in _WATCHED:
        if section in ctx.route.open_sections:
            continue
        unknown = sorted(_names(raw.get(section)) - ctx.route.parameters.get(section, {}).keys())
        if unknown:
            text = f"Additional parameters are not allowed: {', '.join(unknown)}"
            errors.append(ErrorItem(WireCode.ADDITIONAL_PARAMS_NOT_ALLOWED, text, None, section))
    if not errors:
        return
    if ctx.route.parameter_overflow == "block":
        raise PreconditionFailed(errors)
    for item in errors:
        extra = {"action": "request.overflow", "request_id": ctx.request.id, "route": ctx.route.label}
        _log.warning("%s in %s", item.msg, item.in_, extra=extra)


def _names(value: Any) -> set[str]:
    """The top-level names of a section; those of every object where the body is a list."""
    items: Iterable[Any] = value if isinstance(value, list) else (value,)
    return {name for item in items if isinstance(item, Mapping) for name in item}
