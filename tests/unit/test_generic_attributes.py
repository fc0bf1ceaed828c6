"""Attributes in service listings, as mia's clients know them."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Literal

import pytest

from core import IP, Params, factory, rule
from core.schema.fields import read_fields
from generic.libs.attributes import listing_attributes
from tests.schemas import params


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Inner(Params):
    b: int
    c: Annotated[str, rule(max_length=40)] = ""


class Node(Params):
    name: str = ""
    children: list[Node] = factory(list)


LISTED: list[tuple[Any, dict[str, Any]]] = [
    (Annotated[str, rule("Text", min_length=1, max_length=2, match="^a", deny="b", docs=False)],
     {"type": "String", "desc": "Text", "required": True, "maxLength": 2, "minLength": 1, "match": "/^a/", "deny": ["b"], "docs": False}),
    ((Annotated[int, rule(min=1, max=2)], 1), {"type": "integer", "max": 2, "min": 1}),
    ((float, 1.0), {"type": "Number"}),
    ((bool, True), {"type": "Boolean"}),
    ((datetime | None, None), {"type": "Date"}),
    ((Literal["x", "y"], "x"), {"type": "String", "allow": ["x", "y"]}),
    ((Annotated[str, rule(allow_multiple=["x"])], ""), {"type": "String", "allow": ["x"]}),
    ((IP | None, None), {"type": "ip"}),
    ((list[int], factory(list)), {"type": "Array", "subType": "integer"}),
    ((list[Color], factory(list)), {"type": "Array", "subType": "String", "allow": ["red", "blue"]}),
    ((list, factory(list)), {"type": "Array"}),
    ((dict[str, Any], factory(dict)), {"type": "Object"}),
    (Inner, {"b": {"type": "integer", "required": True}, "c": {"type": "String", "maxLength": 40}}),
    ((list[Node], factory(list)), {"type": "Array", "subType": {"name": {"type": "String"}, "children": {"type": "Array", "subType": {"type": "Object"}}}}),
]  # fmt: skip


@pytest.mark.parametrize(("annotation", "expected"), LISTED, ids=[str(n) for n in range(len(LISTED))])
def test_mia_2_16_listings_name_types_and_keep_attributes(annotation: Any, expected: dict[str, Any]) -> None:
    (field,) = read_fields(params(a=annotation))
    assert listing_attributes(field) == expected
