"""Plans of aggregations: what the linker refuses, and what templates become."""

from __future__ import annotations

from typing import Any

import pytest

from generic.libs.aggregation import Aggregation, Call, merge_results
from generic.libs.templates import compile_template

SCOPE: dict[str, Any] = {"user": {"id": 7, "ok": True, "tags": ["a", "b"], "none": None}, "n": 1}

TEMPLATES = [
    ("{user.id}", 7),
    ("{user}", SCOPE["user"]),
    ("{user.tags.1}", "b"),
    ("{user.tags.9}", None),
    ("{user.tags.x}", None),
    ("{user.none.x}", None),
    ("{n.x}", None),
    ("id={user.id} ok={user.ok} none={user.none}", "id=7 ok=true none="),
    ({"a": ["{n}", "x"], "b": 3}, {"a": [1, "x"], "b": 3}),
    ("{not a reference}", "{not a reference}"),
    ("{}", "{}"),
    (None, None),
]


@pytest.mark.parametrize(("template", "value"), TEMPLATES, ids=[str(case[0]) for case in TEMPLATES])
def test_templates(template: Any, value: Any) -> None:
    assert compile_template(template)(SCOPE) == value


MISTAKES = [
    ([{"path": "/{b.id}"}], "call 'c0' refers to 'b', which is no call (known: c0, header, path, query)"),
    ([{"path": "/{c1.x}"}, {"path": "/{c0.x}"}], "the calls wait for each other: "),
    ([{"query": {"a": "{c0.x}"}}], "the calls wait for each other: c0 → c0"),
    ([{"path": "/a-{c1.x}"}, {}], "call 'c0': a reference is a whole segment of the path, not 'a-{c1.x}'"),
    ([{"name": "x"}, {"name": "x"}], "two calls have the same name"),
    ([{"upstream": "other"}], "call 'c0': unknown upstream 'other' (declared: api)"),
    ([], "there is no call"),
]


@pytest.mark.parametrize(("calls", "message"), MISTAKES, ids=[case[1][:40] for case in MISTAKES])
def test_mistakes_are_found_before_the_first_request(calls: list[dict[str, Any]], message: str) -> None:
    made = [Call(**{"name": f"c{at}", "upstream": "api", **call}) for at, call in enumerate(calls)]
    assert Aggregation(calls=made).check_options(["api"]).startswith(message)


def test_the_template_of_the_result_is_looked_at_too() -> None:
    options = Aggregation(calls=[Call(name="a", upstream="api")], result={"x": "{b}"})
    assert "refers to 'b'" in options.check_options(["api"])


def test_results_are_merged_by_member() -> None:
    assert merge_results({"a": {"x": 1}, "b": [2], "c": None, "d": {"x": 3}}) == {"x": 3, "b": [2]}
