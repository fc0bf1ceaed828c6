"""The demo project through the whole server, in memory and on a real MongoDB: mia's todo API, its defects fixed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
from bson import ObjectId

from core.testing import Reply, TestApp, make_app

TODO = "/demo/v1/todo"
NOBODY = "0123456789abcdef01234567"
DEFAULTS = [
    "Read the quickstart",
    "Start the server",
    "Call the demo API",
    "Write a controller of my own",
    "Tell a friend about Catena",
]


@pytest.fixture(params=["memory", "mongod"])
def mongo(request: pytest.FixtureRequest) -> str:
    return "memory" if request.param == "memory" else request.getfixturevalue("mongo_url")


@pytest.fixture
async def app(mongo: str) -> AsyncIterator[TestApp]:
    async with make_app("projects/demo", mongo=mongo) as running:
        yield running


async def add(app: TestApp, name: str = "milk", **fields: Any) -> str:
    reply = await app.client.post(TODO, json={"name": name, **fields})
    assert reply.status == 200
    return reply.json()["response"]["id"]


async def find(app: TestApp, oid: str) -> dict[str, Any]:
    [todo] = (await app.client.get(f"{TODO}/{oid}")).json()["response"]
    return todo


async def names(app: TestApp, query: str) -> list[str]:
    reply = await app.client.get(f"{TODO}?{query}")
    assert reply.status == 200
    return [todo["name"] for todo in reply.json()["response"]]


def errors_of(reply: Reply) -> list[tuple[Any, ...]]:
    return [(error["code"], error.get("id"), error.get("in")) for error in reply.json()["errors"]]


async def test_list_has_the_default_todos_and_the_title(app: TestApp) -> None:
    reply = await app.client.get(TODO)
    assert reply.status == 200
    assert reply.headers["about"] == "This is a demo API"
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    envelope = reply.json()
    assert list(envelope) == ["status", "response"]
    assert [todo["name"] for todo in envelope["response"]] == DEFAULTS
    for todo in envelope["response"]:
        assert list(todo) == ["_id", "name", "group", "status", "created", "lastModified"]
        assert (todo["group"], todo["status"]) == ("demo", "unchecked")
        assert len(todo["_id"]) == 24
        assert todo["created"].endswith("Z") and datetime.fromisoformat(todo["created"])


async def test_the_whole_life_of_a_todo(app: TestApp) -> None:
    created = await app.client.post(TODO, json={"name": "milk"})
    assert created.json() == {"status": 200, "response": {"id": created.json()["response"]["id"]}}
    oid = created.json()["response"]["id"]
    before = await find(app, oid)
    assert (before["_id"], before["name"], before["status"]) == (oid, "milk", "unchecked")

    updated = await app.client.put(f"{TODO}/{oid}", json={"status": "checked"})
    assert (updated.status, updated.json()) == (200, {"status": 200})
    after = await find(app, oid)
    assert after["lastModified"] >= before["lastModified"]
    assert after == {**before, "status": "checked", "lastModified": after["lastModified"]}

    deleted = await app.client.delete(f"{TODO}/{oid}")
    assert (deleted.status, deleted.json()) == (200, {"status": 200})
    assert (await app.client.get(f"{TODO}/{oid}")).status == 404


@pytest.mark.parametrize("path", ["/demo/v1/todo", "/demo/latest/todo", "/DEMO/v1/Todo", "/demo/v1/todo/"])
async def test_every_way_to_write_the_path(app: TestApp, path: str) -> None:
    assert (await app.client.get(path)).status == 200


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("sort=name", ["a", "b", "c"], id="ascending"),
        pytest.param("sort=-name", ["c", "b", "a"], id="descending"),
        pytest.param("sort=name&ascending=false", ["c", "b", "a"], id="descending as mia's clients ask"),
        pytest.param("sort=name&ascending=true", ["a", "b", "c"], id="ascending as mia's clients ask"),
        pytest.param("sort=-name&ascending=true", ["c", "b", "a"], id="the sign wins"),
        pytest.param("sort=-name&ascending=false", ["c", "b", "a"], id="the sign is not turned twice"),
        pytest.param("", ["b", "c", "a"], id="created by default"),
        pytest.param("sort=-created", ["a", "c", "b"], id="newest first"),
        pytest.param("sort=-lastModified&limit=1", ["b"], id="changed last"),
        pytest.param("sort=status", ["c", "b", "a"], id="status, then order of creation"),
        pytest.param("sort=name&limit=2", ["a", "b"], id="limit"),
        pytest.param("sort=name&limit=2&skip=2", ["c"], id="skip"),
        pytest.param("skip=1000000", [], id="beyond the end"),
    ],
)
async def test_order_and_pages(mongo: str, query: str, expected: list[str]) -> None:
    settings = {"demo-config": {"default_todos": []}}
    moments = iter(range(100))

    def clock() -> datetime:
        return datetime.fromisoformat(f"2026-01-01T00:00:{next(moments):02}+00:00")

    async with make_app("projects/demo", mongo=mongo, clock=clock, projects=settings) as app:
        oid = await add(app, "b")
        await add(app, "c", status="checked")
        await add(app, "a")
        await app.client.put(f"{TODO}/{oid}", json={"status": "unchecked"})
        assert await names(app, query) == expected


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        pytest.param("POST", "", {}, [("MissingRequiredParameter", "name", "body")], id="no name"),
        pytest.param("POST", "", {"name": ""}, [("MinLengthUnderachieved", "name", "body")], id="empty name"),
        pytest.param("POST", "", {"name": "x" * 65}, [("MaxLengthExceeded", "name", "body")], id="long name"),
        pytest.param("POST", "", {"name": None}, [("UnexpectedType", "name", "body")], id="null name"),
        pytest.param("POST", "", {"name": ["a"]}, [("UnexpectedType", "name", "body")], id="list as name"),
        pytest.param("POST", "", {"name": {"$gt": ""}}, [("BadRequest", None, None)], id="operator as name"),
        pytest.param(
            "POST",
            "",
            {"name": "x" * 65, "status": "done"},
            [("MaxLengthExceeded", "name", "body"), ("ValueNotAllowed", "status", "body")],
            id="every error at once",
        ),
        pytest.param("PUT", f"/{NOBODY}", {"status": "done"}, [("ValueNotAllowed", "status", "body")], id="status"),
        pytest.param("PUT", f"/{NOBODY}", {"name": None}, [("UnexpectedType", "name", "body")], id="name to null"),
        pytest.param("PUT", "/nobody", {}, [("UnexpectedType", "id", "path")], id="put to a bad id"),
        pytest.param("GET", "/nobody", ..., [("UnexpectedType", "id", "path")], id="get of a bad id"),
        pytest.param("DELETE", "/nobody", ..., [("UnexpectedType", "id", "path")], id="delete of a bad id"),
        pytest.param("GET", "?limit=0", ..., [("MinValueUnderachived", "limit", "query")], id="limit 0"),
        pytest.param("GET", "?limit=201", ..., [("MaxValueExceeded", "limit", "query")], id="limit too big"),
        pytest.param("GET", "?limit=x", ..., [("UnexpectedType", "limit", "query")], id="limit no number"),
        pytest.param("GET", "?limit=1e400", ..., [("UnexpectedType", "limit", "query")], id="limit endless"),
        pytest.param("GET", "?skip=-1", ..., [("MinValueUnderachived", "skip", "query")], id="skip negative"),
        pytest.param("GET", f"?skip={2**63}", ..., [("UnexpectedType", "skip", "query")], id="skip over 64 bits"),
        pytest.param("GET", "?sort=password", ..., [("ValueNotAllowed", "sort", "query")], id="unknown field"),
        pytest.param("GET", "?ascending=maybe", ..., [("UnexpectedType", "ascending", "query")], id="no boolean"),
        pytest.param("GET", "?limit[$gt]=1", ..., [("BadRequest", None, None)], id="operator in the query"),
    ],
)
async def test_bad_values(app: TestApp, method: str, path: str, body: Any, expected: list[Any]) -> None:
    reply = await app.client.request(method, f"{TODO}{path}", json=body)
    assert reply.status == 400
    assert errors_of(reply) == expected
    assert all(error["msg"] for error in reply.json()["errors"])


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        pytest.param(b'{"name": ', "application/json", 400, id="cut off"),
        pytest.param(b'"name"', "application/json", 400, id="a text alone"),
        pytest.param(b'["name"]', "application/json", 400, id="a list"),
        pytest.param(b'{"name": "a", "name": "b"}', "application/json", 400, id="a name twice"),
        pytest.param(b'{"name": NaN}', "application/json", 400, id="NaN"),
        pytest.param(b'{"name": "\xff"}', "application/json", 400, id="not UTF-8"),
        pytest.param(b'{"name": ' + b"[" * 40 + b"]" * 40 + b"}", "application/json", 400, id="too deep"),
        pytest.param(b'{"name": "' + b"x" * (512 * 1024) + b'"}', "application/json", 413, id="too long"),
        pytest.param(b"name=milk", "application/x-www-form-urlencoded", 415, id="a form"),
    ],
)
async def test_bad_bodies(app: TestApp, content: bytes, content_type: str, status: int) -> None:
    reply = await app.client.post(TODO, content=content, headers={"Content-Type": content_type})
    assert (reply.status, reply.json()["status"]) == (status, status)
    assert reply.json()["errors"][0]["code"]
    assert await names(app, "limit=200") == DEFAULTS


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "text"),
    [
        ("GET", f"/{NOBODY}", ..., "TodoNotFound", f"There is no todo with the id {NOBODY}."),
        ("PUT", f"/{NOBODY}", {"name": "x"}, "TodoNotFound", f"There is no todo with the id {NOBODY}."),
        ("PUT", f"/{NOBODY}", {}, "TodoNotFound", f"There is no todo with the id {NOBODY}."),
        ("DELETE", f"/{NOBODY}", ..., "NothingToRemove", "There is nothing to remove."),
        ("GET", "/a/b", ..., "NotFound", "There is nothing here."),
    ],
)
async def test_nothing_there(app: TestApp, method: str, path: str, body: Any, code: str, text: str) -> None:
    reply = await app.client.request(method, f"{TODO}{path}", json=body)
    assert (reply.status, reply.json()) == (404, {"status": 404, "errors": [{"code": code, "msg": text}]})
    assert await names(app, "limit=200") == DEFAULTS


@pytest.mark.parametrize(
    ("path", "method", "allow"),
    [
        (TODO, "DELETE", {"GET", "HEAD", "POST"}),
        (f"{TODO}/{NOBODY}", "POST", {"GET", "HEAD", "PUT", "DELETE"}),
        ("/demo/v1/services", "PUT", {"GET", "HEAD"}),
    ],
)
async def test_unknown_methods(app: TestApp, path: str, method: str, allow: set[str]) -> None:
    reply = await app.client.request(method, path)
    assert reply.status == 405
    assert set(reply.headers["allow"].split(", ")) - {"OPTIONS"} == allow
    assert errors_of(reply) == [("MethodNotAllowed", None, None)]


async def test_a_name_is_taken_once(app: TestApp) -> None:
    oid = await add(app, "milk")
    for reply in (
        await app.client.post(TODO, json={"name": "milk"}),
        await app.client.put(f"{TODO}/{oid}", json={"name": DEFAULTS[0]}),
    ):
        assert reply.status == 409
        assert errors_of(reply) == [("DataRecordAlreadyExist", None, None)]
    assert (await find(app, oid))["name"] == "milk"
    assert (await app.client.put(f"{TODO}/{oid}", json={"name": "milk"})).status == 200


async def test_of_many_at_once_one_gets_the_name(app: TestApp) -> None:
    replies = await asyncio.gather(*(app.client.post(TODO, json={"name": "milk"}) for _ in range(20)))
    assert sorted(reply.status for reply in replies) == [200] + [409] * 19


async def test_update_takes_only_what_is_known_and_given(app: TestApp) -> None:
    oid = await add(app, "milk")
    before = await find(app, oid)
    more = {"name": "oat milk", "group": "other", "created": "2000-01-01T00:00:00Z", "_id": NOBODY, "more": 1}
    assert (await app.client.put(f"{TODO}/{oid}", json=more)).status == 200
    after = await find(app, oid)
    assert after == {**before, "name": "oat milk", "lastModified": after["lastModified"]}
    stored = await app.db.raw("main")["demo-todos"].find_one({"_id": ObjectId(oid)})
    assert set(stored) == set(before)


async def test_an_update_without_a_body_is_one_without_fields(app: TestApp) -> None:
    oid = await add(app, "milk")
    assert (await app.client.put(f"{TODO}/{oid}")).status == 200
    assert (await find(app, oid))["name"] == "milk"


@pytest.mark.parametrize("culture", ["de-de", "de-at", "DE-DE"])
async def test_errors_in_german(app: TestApp, culture: str) -> None:
    german = {"culture.code": culture}
    missing = await app.client.delete(f"{TODO}/{NOBODY}", headers=german)
    assert missing.json()["errors"] == [{"code": "NothingToRemove", "msg": "Es gibt nichts zu entfernen."}]
    unknown = await app.client.get(f"{TODO}/{NOBODY}", headers=german)
    assert unknown.json()["errors"][0]["msg"] == f"Es gibt keine Aufgabe mit der Id {NOBODY}."
    taken = await app.client.post(TODO, json={"name": DEFAULTS[0]}, headers=german)
    assert taken.json()["errors"][0]["msg"] == "Einen solchen Datensatz gibt es schon."


async def test_an_unknown_language_gets_the_default(app: TestApp) -> None:
    reply = await app.client.delete(f"{TODO}/{NOBODY}", headers={"culture.code": "xx-yy"})
    assert reply.json()["errors"][0]["msg"] == "There is nothing to remove."


async def test_an_answer_that_did_not_change_is_304(app: TestApp) -> None:
    first = await app.client.get(TODO)
    etag = first.headers["etag"]
    assert etag.startswith('W/"')
    again = await app.client.get(TODO, headers={"If-None-Match": etag})
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", etag)
    await add(app)
    assert (await app.client.get(TODO, headers={"If-None-Match": etag})).status == 200


async def test_head_is_get_without_body(app: TestApp) -> None:
    reply = await app.client.request("HEAD", TODO)
    assert (reply.status, reply.body, reply.headers["about"]) == (200, b"", "This is a demo API")


async def test_settings_of_the_mode_reach_the_project(mongo: str) -> None:
    settings = {"demo-config": {"title": "Mine", "default_todos": ["only"]}}
    async with make_app("projects/demo", mongo=mongo, projects=settings) as app:
        reply = await app.client.get(TODO)
        assert reply.headers["about"] == "Mine"
        assert [todo["name"] for todo in reply.json()["response"]] == ["only"]


async def test_indexes_are_made_at_start(mongo_url: str) -> None:
    async with make_app("projects/demo", mongo=mongo_url) as app:
        indexes = await app.db.raw("main")["demo-todos"].index_information()
        unique = [name for name, index in indexes.items() if index.get("unique")]
        keys = {tuple(field for field, _ in index["key"]) for index in indexes.values()}
        assert len(unique) == 1
        assert keys == {("_id",), ("name",), ("created",), ("lastModified",)}


async def test_workers_that_start_at_once_seed_once(mongo_url: str) -> None:
    from projects.demo.libs.todos import seed_todos
    from projects.demo.models.todo import Todo

    async with make_app("projects/demo", mongo=mongo_url) as app:
        todos = app.db[Todo]
        await todos.delete_many({})
        await asyncio.gather(*(seed_todos(todos, DEFAULTS, app.app.context.now()) for _ in range(8)))
        assert sorted(todo.name for todo in await todos.find()) == sorted(DEFAULTS)


@pytest.mark.parametrize("prefix", ["/demo/v1", "/demo/latest"])
async def test_the_page_and_its_parts(app: TestApp, prefix: str) -> None:
    page = await app.client.get(f"{prefix}/")
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "<script>" not in page.text and "onclick" not in page.text
    for part, media_type in (("assets/style.css", "text/css"), ("assets/todos.js", "text/javascript")):
        assert f'"{part}"' in page.text
        reply = await app.client.get(f"{prefix}/{part}")
        assert (reply.status, reply.headers["content-type"].partition(";")[0]) == (200, media_type)
        assert reply.headers["cache-control"] == "public, max-age=0"
        assert reply.headers["etag"]


async def test_the_page_needs_its_slash_for_relative_links(app: TestApp) -> None:
    reply = await app.client.get("/demo/v1")
    assert (reply.status, reply.headers["location"]) == (301, "/demo/v1/")


@pytest.mark.parametrize("path", ["/demo/v1/project.py", "/demo/v1/assets/../../project.py", "/demo/v1/assets"])
async def test_nothing_else_of_the_project_is_public(app: TestApp, path: str) -> None:
    assert (await app.client.get(path)).status in (400, 404)
