"""The gate for values under random input: nothing that could be an operator gets through, whatever the section."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadRequest
from core.serve.values import build_form, parse_json, parse_query
from core.settings import Limits

LIMITS = Limits()
FORBIDDEN = {"__proto__", "constructor", "prototype"}


def keys_of(value: Any) -> set[str]:
    """The names of every object in a value."""
    inner = [*value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return {*(value if isinstance(value, dict) else ())}.union(*map(keys_of, inner))


def check_keys(parse: Callable[[], Any]) -> None:
    """Refused, or without a key that means something to a database or a JavaScript reader."""
    with suppress(BadRequest):
        keys = keys_of(parse())
        assert keys.isdisjoint(FORBIDDEN)
        assert not any(key[:1] == "$" or "\0" in key for key in keys)


TOKENS = st.sampled_from(
    ["a", "b", "0", "1", "[", "]", "[]", "[0]", "[b]", "=", "&", "%5B", "$", "%24", "+", "%", "%00"]
)
KEYS = st.sampled_from(["a", "$", "$ne", "$where", "a$", "a.b", "", "\0", "a\0", "＄ne", *FORBIDDEN]) | st.text(
    max_size=3
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=500, deadline=None)
@given(st.lists(TOKENS))
def test_NOSQL_2_a_query_or_form_never_holds_an_operator(tokens: list[str]) -> None:
    text = "".join(tokens)
    check_keys(lambda: parse_query(text.encode(), LIMITS))
    check_keys(lambda: build_form((name, "x") for name in text.split("&")))


@settings(max_examples=1_000, deadline=None)
@given(VALUES, st.booleans(), st.integers(0, 5))
def test_NOSQL_2_a_body_never_holds_an_operator(value: Any, escaped: bool, escapes: int) -> None:
    raw = json.dumps([value], ensure_ascii=escaped).replace("$", "\\u0024", escapes).encode(errors="replace")
    check_keys(lambda: parse_json(raw, LIMITS))
