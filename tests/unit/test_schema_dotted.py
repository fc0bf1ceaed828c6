"""Names with dots in requests: another spelling of nested objects, as for mia.js."""

from __future__ import annotations

from typing import Annotated, Any

import pytest

from core.schema.params import Params, given
from core.schema.rules import factory, rule
from tests.schemas import run


class Street(Params):
    name: Annotated[str, rule(min_length=2)] = ""
    free: dict[str, Any] = factory(dict[str, Any])


class House(Params):
    street: Street | None = None
    house: House | None = None


DOTTED = [
    ({"street.name": "Rue"}, {"street": {"name": "Rue"}}),
    ({"house.street.name": "Rue", "house.house": {}}, {"house": {"street": {"name": "Rue"}, "house": {}}}),
    (
        {"street": {"name": "own"}, "street.name": "other", "street.free": {"a": 1}},
        {"street": {"name": "own", "free": {"a": 1}}},
    ),
    ({"street.free.$gt": 1, "street.free.a": 1, "house.": 1, ".house": 1, "x.y": 1}, {"street": {}}),
    ({f"{'house.' * 5}street": {}}, {"house": {"house": {"house": {"house": {"house": {"street": {}}}}}}}),
    ({f"{'house.' * 6}street": {}}, {}),
]


@pytest.mark.parametrize("section", ["body", "query"])
@pytest.mark.parametrize(("raw", "expected"), DOTTED, ids=["one", "deep", "both", "free-form", "five", "six"])
def test_dotted_names_lead_into_objects(raw: dict[str, Any], expected: dict[str, Any], section: str) -> None:
    made, errors = run(House, raw, section)
    assert (given(made), errors) == (expected, [])


def test_a_dotted_name_is_checked_and_named_like_a_nested_one() -> None:
    _, errors = run(House, {"street.name": "R", "house": 5, "house.street": {}})
    assert [(item.code, item.id) for item in errors] == [
        ("MinLengthUnderachieved", "street.name"),
        ("UnexpectedType", "house"),
    ]
