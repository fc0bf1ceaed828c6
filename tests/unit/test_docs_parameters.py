"""OpenAPI of chains whose steps declare the same parameters, and of what no schema says directly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from core.docs.openapi import build_openapi
from tests.applications import PLAIN, link_files

CONTROLLERS = """
    from typing import Annotated

    from core import Context, Controller, ObjectId, Params, Redirect, factory, rule

    dishes = Controller("shop-dishes")

    class Page(Params):
        limit: Annotated[int, rule("How many", max=9)] = 5
        secret: Annotated[str, rule(docs=False)] = ""
        internal: Annotated[str, rule(public=False)] = ""

    class Strict(Params):
        limit: int
        secret: str = ""
        internal: str = ""

    class Corner(Params):
        lat: float
        place: Annotated[str, rule(virtual=lambda place: {"lat": 1})] = ""

    class Sizes(Params):
        x_sizes: list[int] = factory(list[int])

    class Größe(Params):
        size: int = 1

    class Item(Params):
        id: ObjectId

    @dishes.list
    async def find(ctx: Context, *, query: Page) -> None: ...

    @dishes.action("strict")
    async def strict(ctx: Context, *, query: Strict) -> None: ...

    @dishes.action("corner")
    async def corner(ctx: Context, *, query: Corner) -> None: ...

    @dishes.action("sized")
    async def sized(ctx: Context, *, header: Sizes) -> None: ...

    @dishes.action("umlaut")
    async def umlaut(ctx: Context, *, body: Größe) -> None: ...

    @dishes.action("moved", responses={302: "Found"})
    async def moved(ctx: Context) -> Redirect: ...

    @dishes.index
    async def get(ctx: Context, *, path: Item) -> None: ...

    @dishes.all
    async def other(ctx: Context) -> None: ...
"""


@pytest.fixture
def build(tmp_path: Path, own_imports: None) -> Any:
    """Makes the document of paths that are given as source."""

    def build_document(paths: str) -> dict[str, Any]:
        routes = f"""
from core import Path, Route, Routes
from projects.shop.controllers.dishes import *

api = Routes(group="shop", prefix="/shop", paths=[{paths}])
"""
        files = {"projects/shop/controllers/dishes.py": CONTROLLERS, "projects/shop/routes/api.py": routes}
        document = build_openapi(link_files(tmp_path, files).routes, PLAIN)
        assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
        return document

    return build_document


def parameters_of(document: dict[str, Any], path: str = "/shop/x", method: str = "get") -> dict[str, Any]:
    return {item["name"]: item for item in document["paths"][path][method]["parameters"]}


@pytest.mark.parametrize("chain", ["[find, strict]", "[strict, find]"])
def test_what_one_step_demands_is_demanded_and_what_one_shows_is_shown(chain: str, build) -> None:
    parameters = parameters_of(build(f'Path("./x", list=Route("a", chain={chain}))'))
    assert list(parameters) == ["limit", "secret", "internal"]
    assert parameters["limit"]["required"]
    assert "default" not in parameters["limit"]["schema"]
    assert parameters["limit"]["schema"]["maximum"] == 9


def test_who_sends_a_virtual_field_need_not_send_what_it_gives(build) -> None:
    parameters = parameters_of(build('Path("./x", list=Route("a", chain=[corner]))'))
    assert [(name, item.get("required", False)) for name, item in parameters.items()] == [
        ("lat", False),
        ("place", False),
    ]


def test_a_list_outside_of_a_query_has_one_item(build) -> None:
    parameters = parameters_of(build('Path("./x", list=Route("a", chain=[sized]))'))
    assert parameters["x-sizes"]["schema"]["maxItems"] == 1


def test_one_path_has_one_name_whatever_its_variables_are_called(build) -> None:
    document = build(
        'Path("./x/:dish", get=Route("a", chain=[other])), Path("./y/:id/*", get=Route("b", chain=[other])),'
        'Path("./X", delete=Route("c", chain=[get])), Path("./Y/:key/*", put=Route("d", chain=[other]))'
    )
    assert {path: list(methods) for path, methods in document["paths"].items()} == {
        "/shop/x/{dish}": ["get", "delete"],
        "/shop/y/{id}/{rest}": ["get", "put"],
    }
    parameters = parameters_of(document, "/shop/x/{dish}", "delete")
    assert (list(parameters), parameters["dish"]["schema"]["pattern"]) == (["dish"], "^[0-9a-fA-F]{24}$")


def test_components_have_names_that_a_document_may_use(build) -> None:
    document = build('Path("./x", create=Route("a", chain=[umlaut]))')
    assert "Gr__e" in document["components"]["schemas"]


def test_a_chain_that_redirects_does_not_claim_to_succeed(build) -> None:
    document = build('Path("./x", get=Route("a", chain=[moved]))')
    assert list(document["paths"]["/shop/x"]["get"]["responses"]) == ["302", "500", "default"]
