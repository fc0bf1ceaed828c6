"""The generic controllers through the whole server: JSON with and without filter, XML, caching, listings."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from core.testing import Reply, TestApp, make_app
from tests.applications import own_imports, write_files

pytestmark = pytest.mark.usefixtures("own_imports")
__all__ = ["own_imports"]

NINE = [
    "UnexpectedDefaultValue", "UnexpectedType", "MinLengthUnderachieved", "MaxLengthExceeded", "MinValueUnderachived",
    "MaxValueExceeded", "ValueNotAllowed", "PatternMismatch", "MissingRequiredParameter",
]  # fmt: skip

CONTROLLERS = '''
from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from core import Conflict, Context, Controller, Forbidden, NotFound, ObjectId, Params, rule

things = Controller("shop-things")
guard = Controller("shop-guard")
caching = Controller("shop-caching")

RESULTS: dict[str, Any] = {
    "object": {"id": 1, "name": "a", "owner": {"id": 2, "name": "b"}},
    "list": [{"id": 1, "name": "a"}, {"name": "b"}],
    "types": {"id": ObjectId("0123456789abcdef01234567"), "at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)},
    "text": "a < b",
    "empty_list": [], "empty_object": {}, "zero": 0, "false": False, "empty_text": "", "nothing": None,
}


class What(Params):
    what: str


class Amount(Params):
    amount: Annotated[int, rule("How many", min=1, max=9)] = 1
    mood: Annotated[str | None, rule("How", allow=["good", "bad"], docs=False, match="^[a-z]+$")] = None


class Sub(Params):
    street: Annotated[str, rule("Street", max_length=9)]


class New(Params):
    tags: Annotated[list[str], rule("Tags")]
    address: Sub
    houses: list[Sub]


@things.list
async def show(ctx: Context, *, path: What) -> Any:
    if path.what == "forbidden":
        raise Forbidden
    if path.what == "missing":
        raise NotFound
    if path.what == "many":
        raise Conflict("A & B", "<both>")
    if path.what == "broken":
        raise ValueError("inside")
    return RESULTS[path.what]


@things.get(responses={200: "Success", 404: ["NotFound", "Gone"]})
async def count(ctx: Context, *, query: Amount) -> int:
    """Counts."""
    return query.amount


@things.create(responses={200: "Success", 400: ["TooMany", "UnexpectedType"]})
async def add(ctx: Context, *, body: New) -> None:
    """Adds."""


@guard.all(authorizes=True)
async def pass_all(ctx: Context) -> None:
    """Protected in name."""


@caching.all
async def keep(ctx: Context) -> None:
    """What a cached value would do."""
    ctx.cache_time_s = 60
'''

ROUTES = """
from core import Path, Route, Routes, use
from projects.shop.controllers.things import add, count, pass_all, show

json = Routes(
    group="shop", version="1.0", prefix="/json", after=[use("generic-defaultJSONResponse")],
    errors=[use("generic-defaultJSONErrorResponse")],
    paths=[Path("./:what", list=Route("show", chain=[show])),
           Path("./old/:what", list=Route("old", chain=[show], deprecated=True))],
)
selected = Routes(
    group="shop", version="1.0", prefix="/selected", after=[use("generic-defaultResponse", "1.0")],
    paths=[Path("./:what", list=Route("show", chain=[show]))],
)
xml = Routes(
    group="shop", version="1.0", prefix="/xml", after=[use("generic-defaultXMLResponse")],
    errors=[use("generic-defaultXMLErrorResponse")],
    paths=[Path("./:what", list=Route("show", chain=[show])), Path("./count", get=Route("count", chain=[count]))],
)
cached = Routes(
    group="shop", version="1.0", prefix="/cached",
    errors=[use("generic-cachingCacheControl", "1.0", "error", {"max_age_s": 5})],
    paths=[
        Path("./plain/:what", list=Route("plain", chain=[use("generic-cachingCacheControl"), show])),
        Path("./kept/:what", list=Route("kept", chain=[use("generic-cachingCacheControl"), use("shop-caching"), show])),
        Path("./fixed/:what", list=Route("fixed", chain=[
            use("generic-cachingCacheControl", options={"max_age_s": 10, "private": True}), show])),
        Path("./own/:what", list=Route("own", authorization=True, chain=[use("generic-cachingCacheControl"), show])),
    ],
)
listed = Routes(
    group="Shop", version="2.0", prefix=["/listed", "/listed/too"],
    paths=[
        Path("./services", list=Route("services", chain=[use("generic-listServices", "2.0")])),
        Path("./services/old", list=Route("old-services", chain=[use("generic-listServices", "1.0")])),
        Path("./count", get=Route("count", chain=[pass_all, count], modified="2026-11-20", deprecated=True)),
        Path("./thing", create=Route("add", chain=[add])),
    ],
)
same_place = Routes(
    group="SHOP", version="2.0", prefix="/listed", paths=[Path("./more", list=Route("more", chain=[pass_all]))],
)
other_version = Routes(
    group="shop", version="3.0", prefix="/listed", paths=[Path("./other", list=Route("other", chain=[pass_all]))],
)
nameless = Routes(
    group="shop", version=" ", prefix="/nameless",
    paths=[Path("./services", list=Route("services", chain=[use("generic-listServices", "2.0")])),
           Path("./services/old", list=Route("old-services", chain=[use("generic-listServices", "1.0")]))],
)
"""


@asynccontextmanager
async def shop(root: Path, **settings: Any) -> AsyncIterator[TestApp]:
    files = {"projects/shop/controllers/things.py": CONTROLLERS, "projects/shop/routes/api.py": ROUTES}
    write_files(root, files)
    async with make_app(root / "projects" / "shop", **settings) as app:
        app.client.raise_errors = False
        yield app


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[TestApp]:
    async with shop(tmp_path) as running:
        yield running


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("object", {"id": 1, "name": "a", "owner": {"id": 2, "name": "b"}}),
        ("types", {"id": "0123456789abcdef01234567", "at": "2026-01-02T03:04:05.000Z"}),
        ("text", "a < b"),
        ("empty_list", []),
        ("empty_object", {}),
        ("zero", 0),
        ("false", False),
        ("empty_text", ""),
    ],
)
async def test_json(app: TestApp, what: str, expected: Any) -> None:
    reply = await app.client.get(f"/json/{what}")
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    assert list(reply.json().items()) == [("status", 200), ("response", expected)]


async def test_json_of_nothing(app: TestApp) -> None:
    assert (await app.client.get("/json/nothing")).json() == {"status": 200}


@pytest.mark.parametrize(
    ("headers", "notice"),
    [({}, "This service"), ({"culture.code": "de-de"}, "Dieser Dienst")],
    ids=["english", "german"],
)
async def test_a_deprecated_route_says_so(app: TestApp, headers: dict[str, str], notice: str) -> None:
    envelope = (await app.client.get("/json/old/text", headers=headers)).json()
    assert list(envelope) == ["status", "deprecated", "notice", "response"]
    assert envelope["deprecated"] is True
    assert envelope["notice"].startswith(notice)


async def test_json_error(app: TestApp) -> None:
    reply = await app.client.get("/json/forbidden", headers={"culture.code": "de-de"})
    assert reply.status == 403
    assert reply.json() == {"status": 403, "errors": [{"code": "Forbidden", "msg": "Das ist nicht erlaubt."}]}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("object?filter=id", {"id": 1, "owner": {"id": 2}}, id="one name"),
        pytest.param("object?filter=owner,id", {"id": 1, "owner": {"id": 2, "name": "b"}}, id="two names"),
        pytest.param("list?filter=id", [{"id": 1}], id="list"),
        pytest.param("list?filter=0", [{"id": 1, "name": "a"}], id="position"),
        pytest.param("types?filter=at", {"at": "2026-01-02T03:04:05.000Z"}, id="types"),
        pytest.param("object?filter=nobody", {}, id="nothing found"),
        pytest.param("text?filter=id", {}, id="text"),
        pytest.param("object", {"id": 1, "name": "a", "owner": {"id": 2, "name": "b"}}, id="no filter"),
        pytest.param("text?filter=", "a < b", id="empty filter"),
    ],
)
async def test_filter(app: TestApp, path: str, expected: Any) -> None:
    assert (await app.client.get(f"/selected/{path}")).json() == {"status": 200, "response": expected}


async def test_filter_of_nothing(app: TestApp) -> None:
    assert (await app.client.get("/selected/nothing?filter=id")).json() == {"status": 200}


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("object", "<root><id>1</id><name>a</name><owner><id>2</id><name>b</name></owner></root>"),
        ("list", "<root><item><id>1</id><name>a</name></item><item><name>b</name></item></root>"),
        ("types", "<root><id>0123456789abcdef01234567</id><at>2026-01-02T03:04:05.000Z</at></root>"),
        ("text", "<root><![CDATA[a < b]]></root>"),
        ("nothing", "<root/>"),
    ],
)
async def test_xml(app: TestApp, what: str, expected: str) -> None:
    reply = await app.client.get(f"/xml/{what}")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/xml; charset=utf-8")
    assert reply.text.partition("\n")[2] == f"{expected}\n"
    ET.fromstring(reply.body)


def tree_of(reply: Reply) -> Any:
    assert reply.headers["content-type"] == "application/xml; charset=utf-8"
    root = ET.fromstring(reply.body)
    errors = [{child.tag: child.text for child in item} for item in root.findall("errors")]
    return root.tag, root.findtext("status"), errors


@pytest.mark.parametrize(
    ("path", "status", "errors"),
    [
        pytest.param("forbidden", 403, [{"code": "Forbidden", "msg": "Das ist nicht erlaubt."}], id="status"),
        pytest.param("many", 409, [{"code": "A & B", "msg": "<both>"}], id="markup in the texts"),
        pytest.param(
            "count?amount=10&mood=7",
            400,
            [
                {"code": "MaxValueExceeded", "id": "amount", "msg": "amount ist größer als 9", "in": "query"},
                {
                    "code": "ValueNotAllowed",
                    "id": "mood",
                    "msg": "mood: der Wert '7' ist nicht erlaubt. Erlaubt ist: good,bad",
                    "in": "query",
                },
            ],
            id="preconditions",
        ),
        pytest.param(
            "broken",
            500,
            [{"code": "InternalServerError", "msg": "Bei uns ist etwas schiefgegangen."}],
            id="bug of ours",
        ),
    ],
)
async def test_xml_errors(app: TestApp, path: str, status: int, errors: list[dict[str, str]]) -> None:
    reply = await app.client.get(f"/xml/{path}", headers={"culture.code": "de-de"})
    assert reply.status == status
    assert tree_of(reply) == ("error", str(status), errors)


@pytest.mark.parametrize(
    ("path", "status", "expected"),
    [
        pytest.param("plain/text", 200, "public, max-age=0", id="nothing said"),
        pytest.param("kept/text", 200, "public, max-age=60", id="from the cached value, set by a later step"),
        pytest.param("fixed/text", 200, "private, max-age=10", id="from the options"),
        pytest.param("own/text", 200, "private, max-age=0", id="of a protected route"),
        pytest.param("fixed/missing", 404, "public, max-age=5", id="error of the client"),
        pytest.param("fixed/forbidden", 403, "no-store", id="refused to this client"),
        pytest.param("fixed/broken", 500, "no-store", id="error of ours"),
    ],
)
async def test_cache_control(app: TestApp, path: str, status: int, expected: str) -> None:
    reply = await app.client.get(f"/cached/{path}")
    assert (reply.status, reply.headers["cache-control"]) == (status, expected)


async def listing(app: TestApp, path: str, **headers: str) -> list[dict[str, Any]]:
    reply = await app.client.get(path, headers=headers)
    assert reply.status == 200
    return reply.json()["response"]


async def test_listing_v2(app: TestApp) -> None:
    entries = await listing(app, "/listed/services", host="api.example.com:8080")
    assert [entry["id"] for entry in entries] == ["services", "old-services", "count", "add", "more"]
    by_id = {entry["id"]: entry for entry in entries}
    assert by_id["count"] == {
        "modified": "2026-11-20T00:00:00.000Z",
        "method": "GET",
        "url": "http://api.example.com:8080/listed/count",
        "id": "count",
        "parameters": {
            "query": {
                "amount": {"type": "integer", "desc": "How many", "min": 1, "max": 9},
                "mood": {
                    "type": "String",
                    "desc": "How",
                    "match": "/^[a-z]+$/",
                    "allow": ["good", "bad"],
                    "docs": False,
                },
            }
        },
        "responses": {
            "200": ["Success"],
            "400": NINE,
            "404": ["NotFound", "Gone"],
            "429": ["RateLimitExceeded"],
            "500": ["InternalServerError"],
        },
        "deprecated": True,
        "authorization": True,
    }
    assert list(by_id["count"]) == [
        "modified",
        "method",
        "url",
        "id",
        "parameters",
        "responses",
        "deprecated",
        "authorization",
    ]
    assert list(by_id["services"]) == ["method", "url", "id", "responses", "authorization"]
    assert by_id["services"]["authorization"] is False
    assert by_id["add"]["method"] == "POST"
    assert by_id["add"]["parameters"]["body"] == {
        "tags": {"type": "Array", "desc": "Tags", "subType": "String", "required": True},
        "address": {"street": {"type": "String", "desc": "Street", "required": True, "maxLength": 9}},
        "houses": {
            "type": "Array",
            "subType": {"street": {"type": "String", "desc": "Street", "required": True, "maxLength": 9}},
            "required": True,
        },
    }
    assert by_id["add"]["responses"]["400"] == [*NINE, "TooMany"]


async def test_listing_v1(app: TestApp) -> None:
    entries = await listing(app, "/listed/too/services/old")
    assert entries == [
        {"url": "http://testserver/listed/too/services", "requiresSession": False, "name": "services", "requestMethods": ["GET"]},
        {"url": "http://testserver/listed/too/services/old", "requiresSession": False, "name": "old-services", "requestMethods": ["GET"]},
        {"modified": "2026-11-20T00:00:00.000Z", "url": "http://testserver/listed/too/count", "requiresSession": True, "name": "count", "requestMethods": ["GET"], "deprecated": True},
        {"url": "http://testserver/listed/too/thing", "requiresSession": False, "name": "add", "requestMethods": ["POST"]},
    ]  # fmt: skip


async def test_listing_keeps_path_variables(tmp_path: Path) -> None:
    async with make_app("projects/demo") as app:
        entries = await listing(app, "/demo/latest/services")
        assert [(entry["method"], entry["url"]) for entry in entries] == [
            ("GET", "http://testserver/demo/latest/todo"),
            ("GET", "http://testserver/demo/latest/todo/:id"),
            ("POST", "http://testserver/demo/latest/todo"),
            ("PUT", "http://testserver/demo/latest/todo/:id"),
            ("DELETE", "http://testserver/demo/latest/todo/:id"),
            ("GET", "http://testserver/demo/latest/services"),
        ]


async def test_listing_under_a_public_url(tmp_path: Path) -> None:
    async with shop(tmp_path, public_url="https://shop.example.com/") as app:
        urls = {entry["url"] for entry in await listing(app, "/listed/services")}
        assert "https://shop.example.com/listed/count" in urls


@pytest.mark.parametrize("path", ["services", "services/old"])
async def test_listing_without_version(app: TestApp, path: str) -> None:
    reply = await app.client.get(f"/nameless/{path}", headers={"culture.code": "de-de"})
    assert reply.status == 500
    text = "Gruppe oder Version dieses Dienstes sind nicht bekannt."
    assert reply.json()["errors"] == [{"code": "UnknownServiceGroupOrVersion", "msg": text}]
