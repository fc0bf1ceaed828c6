"""OpenAPI from linked routes: what is shown, what is hidden, and what is said about answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from core import ObjectId, Params
from core.docs.answer import describe_type
from core.docs.openapi import build_openapi
from core.schema.jsonschema import Components
from core.settings import Docs, ServerSettings
from tests.applications import link_files

CONTROLLERS = """
    from __future__ import annotations

    from collections.abc import AsyncGenerator
    from typing import Annotated, Any, Literal

    from core import Context, Controller, FileResponse, Finish, ObjectId, Params, Response, factory, rule
    from projects.shop.models.dish import Dish

    dishes = Controller("shop-dishes")
    outputs = Controller("shop-outputs")

    class Who: ...

    class Page(Params):
        limit: Annotated[int, rule("How many", min=1, max=9)] = 5
        tags: list[str] = factory(list[str])
        secret: Annotated[str, rule(docs=False)] = ""
        internal: Annotated[str, rule(public=False)] = ""

    class Key(Params):
        x_key: Annotated[str, rule("The key", min_length=3)]

    class Item(Params):
        id: ObjectId

    class Size(Params):
        unit: Literal["cm", "in"] = "cm"

    class NewDish(Params):
        name: str
        size: Size | None = None
        hidden: Annotated[str, rule(docs=False)] = ""

    class Nested(Params):
        size: Size | None = None
        words: dict[str, Any] = factory(dict)

    class Note(Params):
        note: Annotated[str | None, rule("A note")] = None

    @dishes.list(responses={200: "Success", 418: ["Teapot", "Kettle"]})
    async def find(ctx: Context, *, query: Page, header: Key) -> list[Dish]: ...

    @dishes.index
    async def get(ctx: Context, *, path: Item) -> Dish | None: ...

    @dishes.create(responses={201: "Created"})
    async def create(ctx: Context, *, body: NewDish) -> dict[str, ObjectId]: ...

    @dishes.action("nested")
    async def nested(ctx: Context, *, query: Nested) -> None: ...

    @dishes.action("note")
    async def note(ctx: Context, *, body: Note) -> None: ...

    @dishes.action("many")
    async def many(ctx: Context, *, body: list[NewDish]) -> int: ...

    @dishes.action("free")
    async def free(ctx: Context, *, body: dict[str, Any]) -> Any: ...

    @dishes.action("upload")
    async def upload(ctx: Context, *, body: bytes) -> str | Finish: ...

    @dishes.action("download")
    async def download(ctx: Context) -> FileResponse: ...

    @dishes.action("who", provides=Who)
    async def who(ctx: Context) -> Who | Response: ...

    @dishes.action("quiet", docs=False)
    async def quiet(ctx: Context, *, query: Page, header: Key) -> None: ...

    @dishes.action("around")
    async def around(ctx: Context) -> AsyncGenerator[bool | None, Response]:
        response = yield None

    @dishes.action("gone", responses={204: "Gone", 412: "ETagPreconditionFailed"})
    async def gone(ctx: Context) -> None: ...

    @dishes.action("unsaid")
    async def unsaid(ctx: Context): ...

    @outputs.all
    async def xml(ctx: Context) -> Response: ...
"""
MODEL = """
    from datetime import datetime
    from typing import Annotated

    from core import Model, factory, now, rule

    class Dish(Model, identity="dish-model", collection="dishes"):
        name: str = ""
        at: Annotated[datetime, rule(name="cookedAt")] = factory(now)
        recipe: Annotated[str, rule(public=False)] = ""
"""


@pytest.fixture
def build(tmp_path: Path, own_imports: None) -> Any:
    """Makes the document of routes that are given as source."""

    def build_document(paths: str, options: str = "", **settings: Any) -> dict[str, Any]:
        routes = f"""
from core import Body, Path, Route, Routes, use
from projects.shop.controllers.dishes import *
from projects.shop.models.dish import Dish

api = Routes(group="shop", name="Dishes", prefix="/shop", {options} paths=[{paths}])
"""
        files = {
            "projects/shop/controllers/dishes.py": CONTROLLERS,
            "projects/shop/models/dish.py": MODEL,
            "projects/shop/routes/api.py": routes,
        }
        chosen = ServerSettings(
            default_output=None, docs=Docs(title="Shop", description="Dishes", version="3"), **settings
        )
        document = build_openapi(link_files(tmp_path, files, chosen).routes, chosen)
        assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
        return document

    return build_document


def response_of(document: dict[str, Any], path: str, method: str = "get", status: str = "200") -> Any:
    """The schema of `response` in the envelope."""
    schema = document["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"]
    return schema["allOf"][1]["properties"]["response"] if "allOf" in schema else None


def test_document_names_the_api(build) -> None:
    document = build('Path("./x", list=Route("dishes", chain=[find], description="Find dishes"))')
    assert document["openapi"].startswith("3.1")
    assert document["info"] == {"title": "Shop", "description": "Dishes", "version": "3"}
    assert document["tags"] == [{"name": "Dishes"}]
    assert "servers" not in document
    operation = document["paths"]["/shop/x"]["get"]
    assert (operation["operationId"], operation["tags"], operation["summary"]) == (
        "shop-dishes",
        ["Dishes"],
        "Find dishes",
    )
    assert "deprecated" not in operation


def test_public_url_is_the_server(build) -> None:
    document = build('Path("./x", list=Route("a", chain=[find]))', public_url="https://api.example.com/")
    assert document["servers"] == [{"url": "https://api.example.com"}]


def test_every_operation_has_a_name_of_its_own(build) -> None:
    document = build('Path("./x", get=Route("a", chain=[note]), all=Route("b", chain=[note]))', "deprecated=True,")
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))
    assert {"shop-a", "shop-b"} <= set(names)
    assert all(operation["deprecated"] for path in document["paths"].values() for operation in path.values())


def test_parameters_are_described(build) -> None:
    document = build('Path("./x", list=Route("a", chain=[find]))')
    limit, tags, key = document["paths"]["/shop/x"]["get"]["parameters"]
    assert (limit["name"], limit["in"], limit["description"]) == ("limit", "query", "How many")
    assert (limit["schema"]["minimum"], limit["schema"]["maximum"], limit["schema"]["default"]) == (1, 9, 5)
    assert "required" not in limit
    assert tags["schema"] == {"type": "array", "items": {"type": "string"}}
    assert (key["name"], key["in"], key["required"]) == ("x-key", "header", True)


def test_hidden_steps_and_fields_are_left_out(build) -> None:
    document = build(
        'Path("./x", list=Route("a", chain=[quiet])), Path("./y", list=Route("b", chain=[gone], docs=False))'
    )
    assert list(document["paths"]) == ["/shop/x"]
    assert "parameters" not in document["paths"]["/shop/x"]["get"]


def test_hidden_fields_of_a_body_are_left_out(build) -> None:
    body = build('Path("./x", create=Route("a", chain=[create]))')["components"]["schemas"]["NewDish"]
    assert list(body["properties"]) == ["name", "size"]


def test_path_variables_are_parameters_whether_declared_or_not(build) -> None:
    document = build(
        'Path("./x", index=Route("a", chain=[get])), Path("./:shop/files/*", get=Route("b", chain=[gone]))'
    )
    [declared] = document["paths"]["/shop/x/{id}"]["get"]["parameters"]
    assert (declared["name"], declared["in"], declared["required"]) == ("id", "path", True)
    assert declared["schema"]["pattern"] == "^[0-9a-fA-F]{24}$"
    shop, rest = document["paths"]["/shop/{shop}/files/{rest}"]["get"]["parameters"]
    assert (shop["name"], shop["schema"]["type"], rest["name"]) == ("shop", "string", "rest")


BODIES = [
    ("create", "", "application/json", True),
    ("note", "", "application/json", False),
    ("many", "", "application/json", True),
    ("free", "", "application/json", False),
    ("upload", "", "application/octet-stream", False),
    ("note", 'body=Body("urlencoded")', "application/x-www-form-urlencoded", False),
]


@pytest.mark.parametrize(("step", "options", "media_type", "required"), BODIES, ids=[f"{b[0]} {b[2]}" for b in BODIES])
def test_bodies_have_a_media_type(step: str, options: str, media_type: str, required: bool, build) -> None:
    document = build(f'Path("./x", post=Route("a", chain=[{step}], {options}))')
    body = document["paths"]["/shop/x"]["post"]["requestBody"]
    assert (list(body["content"]), body["required"]) == ([media_type], required)


def test_a_body_of_several_steps_has_to_please_each_of_them(build) -> None:
    document = build('Path("./x", create=Route("a", chain=[note, create, note]))')
    body = document["paths"]["/shop/x"]["post"]["requestBody"]
    refs = [{"$ref": "#/components/schemas/Note"}, {"$ref": "#/components/schemas/NewDish"}]
    assert (body["content"]["application/json"]["schema"], body["required"]) == ({"allOf": refs}, True)


def test_a_list_body_is_an_array(build) -> None:
    document = build('Path("./x", post=Route("a", chain=[many]))')
    schema = document["paths"]["/shop/x"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"type": "array", "items": {"$ref": "#/components/schemas/NewDish"}}


RESULTS = [
    ("[find]", {"type": "array", "items": {"$ref": "#/components/schemas/DishAnswer"}}),
    ("[get]", {"$ref": "#/components/schemas/DishAnswer"}),
    ("[many]", {"type": "integer"}),
    ("[many, note]", {"type": "integer"}),
    ("[who, many]", {"type": "integer"}),
    ("[around, many]", {"type": "integer"}),
    ("[many, around]", {"anyOf": [{"type": "boolean"}, {"type": "integer"}]}),
    ("[free]", {}),
    ("[upload]", {}),
    ("[unsaid]", {}),
    ("[note]", None),
    ("[who]", None),
]


@pytest.mark.parametrize(("chain", "expected"), RESULTS, ids=[chain for chain, _ in RESULTS])
def test_result_is_what_the_chain_is_annotated_to_give(chain: str, expected: Any, build) -> None:
    path = "./x/:id" if "get" in chain else "./x"
    document = build(f'Path("{path}", get=Route("a", chain={chain}))')
    [url] = document["paths"]
    assert response_of(document, url) == expected


def test_models_show_what_leaves_the_server(build) -> None:
    schema = build('Path("./x", list=Route("a", chain=[find]))')["components"]["schemas"]["DishAnswer"]
    assert list(schema["properties"]) == ["_id", "name", "cookedAt"]
    assert schema["properties"]["cookedAt"] == {"type": "string", "format": "date-time"}


@pytest.mark.parametrize(("chain", "after"), [("[download]", ""), ("[many]", "after=[xml],")], ids=["file", "xml"])
def test_other_answers_than_the_envelope_are_any_content(chain: str, after: str, build) -> None:
    document = build(f'Path("./x", get=Route("a", chain={chain}))', after)
    assert document["paths"]["/shop/x"]["get"]["responses"]["200"]["content"] == {"*/*": {}}


def test_statuses_name_their_codes(build) -> None:
    responses = build('Path("./x", list=Route("a", chain=[find]))')["paths"]["/shop/x"]["get"]["responses"]
    assert list(responses) == ["200", "400", "418", "500", "default"]
    assert responses["418"]["description"] == "Teapot, Kettle"
    assert responses["418"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Error"}
    assert responses["default"] == {"$ref": "#/components/responses/Error"}


def test_statuses_without_a_body(build) -> None:
    responses = build('Path("./x", list=Route("a", chain=[gone]))')["paths"]["/shop/x"]["get"]["responses"]
    assert responses["204"] == {"description": "Gone"}
    assert responses["412"]["content"]["application/json"]["schema"]["maxProperties"] == 0
    assert "200" not in responses


SCHEMES = [
    ("{200: {'type': 'object'}}", "200", {"type": "object"}),
    ("{'200': {'type': 'object'}}", "200", {"type": "object"}),
    ("{'success': {'type': 'object'}}", "200", {"type": "object"}),
    ("{'error': {'type': 'object'}}", "418", {"type": "object"}),
]


@pytest.mark.parametrize(("schemes", "status", "expected"), SCHEMES, ids=[scheme for scheme, _, _ in SCHEMES])
def test_response_schemes_win(schemes: str, status: str, expected: Any, build) -> None:
    document = build(f'Path("./x", list=Route("a", chain=[find], response_schemes={schemes}))')
    content = document["paths"]["/shop/x"]["get"]["responses"][status]["content"]
    assert content["application/json"]["schema"] == expected


def test_a_class_as_response_scheme_is_the_result(build) -> None:
    document = build('Path("./x", list=Route("a", chain=[unsaid], response_schemes={200: list[Dish]}))')
    assert response_of(document, "/shop/x")["items"] == {"$ref": "#/components/schemas/DishAnswer"}


class Level(Enum):
    LOW = 1
    HIGH = 2


class Inner(Params):
    name: str = ""


TYPES = [
    (str, {"type": "string"}),
    (bool, {"type": "boolean"}),
    (int, {"type": "integer"}),
    (Annotated[int, "x"], {"type": "integer"}),
    (datetime, {"type": "string", "format": "date-time"}),
    (date, {"type": "string", "format": "date"}),
    (ObjectId, {"type": "string", "pattern": "^[0-9a-f]{24}$"}),
    (UUID, {"type": "string", "format": "uuid"}),
    (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
    (Literal["a", Level.LOW], {"enum": ["a", 1]}),
    (Level, {"enum": [1, 2]}),
    (list, {"type": "array"}),
    (list[Any], {"type": "array"}),
    (list[str], {"type": "array", "items": {"type": "string"}}),
    (set[int], {"type": "array", "items": {"type": "integer"}}),
    (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
    (tuple[int, str], {"type": "array"}),
    (dict, {"type": "object"}),
    (dict[str, Any], {"type": "object"}),
    (Mapping[str, float], {"type": "object", "additionalProperties": {"type": "number"}}),
    (list[Inner], {"type": "array", "items": {"$ref": "#/components/schemas/InnerAnswer"}}),
    (Any, {}),
    (object, {}),
    ("words", {}),
]


@pytest.mark.parametrize(("kind", "expected"), TYPES, ids=[str(kind) for kind, _ in TYPES])
def test_types_as_schemas(kind: Any, expected: dict[str, Any]) -> None:
    assert describe_type(kind, Components()) == expected


def test_query_objects_are_written_with_brackets(build) -> None:
    document = build('Path("./x", list=Route("a", chain=[nested]))')
    [size, words] = document["paths"]["/shop/x"]["get"]["parameters"]
    assert (size["style"], size["explode"]) == ("deepObject", True)
    assert (words["style"], words["schema"]["type"]) == ("deepObject", "object")


def test_names_stay_unique_whatever_routes_are_called(build) -> None:
    paths = ", ".join(f'Path("./x{sign}y", get=Route("a{sign}b", chain=[note]))' for sign in ("-", "_", ".", "~", "!"))
    document = build(paths)
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(set(names)) == len(names) == 5
