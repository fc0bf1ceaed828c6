"""What happens to raw values before their checks: `public` without `set`, and `virtual` fields.

In: the check of an object and its fields. Out: the same check, wrapped only where a field asks for it. A raw
value that nobody may set is dropped; a virtual field gives values to others, unless the caller gave them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.schema.coerce import Check
from core.schema.fields import Field
from core.schema.refused import Problem, Refused, refuse_type
from core.schema.rules import Factory


def compile_prepare(check: Check, fields: tuple[Field, ...], *, public: bool) -> Check:
    """The check with its preparation in front.

    Args:
        check: of the whole object.
        fields: of its class.
        public: whether `public` is about these values; documents written by code may set anything.
    """
    dropped = frozenset(field.wire for field in fields if not field.rule.settable) if public else frozenset()
    virtuals = tuple(field for field in fields if field.rule.virtual is not None and field.wire not in dropped)
    if dropped and not virtuals:
        return lambda raw: check(_without(raw, dropped))
    if not virtuals:
        return check
    known = frozenset(field.wire for field in fields)

    def check_prepared(raw: Any) -> Any:
        if not isinstance(raw, Mapping):
            return check(raw)
        raw = _without(raw, dropped)
        failed: list[Problem] = []
        for field in virtuals:
            try:
                _run_virtual(field, raw, known)
            except Refused as refused:
                failed += [problem.under(field.wire) for problem in refused.problems]
        if not failed:
            return check(raw)
        ids = {problem.id for problem in failed}
        try:
            check(raw)
        except Refused as refused:
            failed += [problem for problem in refused.problems if problem.id not in ids]
        raise Refused(failed)

    return check_prepared


def _without(raw: Any, dropped: frozenset[str]) -> Any:
    if not isinstance(raw, Mapping):
        return raw
    return {name: value for name, value in raw.items() if name not in dropped}


def _run_virtual(field: Field, raw: dict[str, Any], known: frozenset[str]) -> None:
    """Put what a virtual field gives into the raw values.

    Raises:
        Refused: the author's function could not make sense of the value.
    """
    make = field.rule.virtual
    assert make is not None
    if field.wire not in raw:
        if isinstance(field.default, Factory) or field.make_default() is None:
            return
        raw[field.wire] = field.make_default()
    value = raw[field.wire]
    try:
        made: Any = make(value)
    except (ValueError, TypeError, KeyError):
        raise refuse_type(value, field.type.name) from None
    for name, given in made.items() if isinstance(made, Mapping) else ():
        if name == "this":
            raw[field.wire] = given
        elif name in known:
            raw.setdefault(name, given)
        else:
            _set_path(raw, str(name).split("."), given)


def _set_path(raw: dict[str, Any], path: list[str], value: Any) -> None:
    """Set a dotted name unless the caller gave it; objects on the way are copied, they are the caller's."""
    *parents, last = path
    for name in parents:
        inner = raw.get(name, {})
        if not isinstance(inner, Mapping):
            return
        raw[name] = dict(inner)
        raw = raw[name]
    raw.setdefault(last, value)
