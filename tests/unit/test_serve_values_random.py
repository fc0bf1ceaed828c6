"""The gate for values under random query strings: nothing that could be an operator gets through."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadRequest
from core.serve.values import parse_query
from core.settings import Limits

LIMITS = Limits()
FORBIDDEN = {"__proto__", "constructor", "prototype"}


def keys_of(value: Any) -> set[str]:
    """The names of every object in a value."""
    inner = [*value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return {*(value if isinstance(value, dict) else ())}.union(*map(keys_of, inner))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(["a", "b", "0", "1", "[", "]", "[]", "[0]", "[b]", "=", "&", "%5B", "$", "%24", "+", "%"]))
)
def test_val_1_queries_never_hold_operators(tokens: list[str]) -> None:
    try:
        value = parse_query("".join(tokens).encode(), LIMITS)
    except BadRequest:
        return
    assert keys_of(value).isdisjoint(FORBIDDEN)
    assert not any(key.startswith("$") for key in keys_of(value))
