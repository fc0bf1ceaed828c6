"""A04, A05, B06: filters, orders and fields that clients would like to decide about."""

from __future__ import annotations

from typing import Any

import pytest

from tests.attack.attacker import Attacker

TODO = "/demo/v1/todo"

FILTERS: list[dict[str, Any]] = [
    {"$where": "sleep(1000)"},
    {"$expr": {"$eq": ["$name", "alice"]}},
    {"$expr": {"$function": {"body": "function() { return true }", "args": [], "lang": "js"}}},
    {"$or": [{}]},
    {"$jsonSchema": {}},
    {"$text": {"$search": "alice"}},
    {"$comment": "x"},
    {"name": {"$regex": "^a"}},
    {"name": {"$not": {"$eq": 1}}},
    {"a": [{"b": {"$accumulator": {}}}]},
    {"pipeline": [{"$lookup": {"from": "target-accounts", "as": "x"}}]},
    {"pipeline": [{"$out": "stolen"}]},
    {"pipeline": [{"$merge": "stolen"}]},
    {"first": {"ok": 1}, "second": {"deep": [1, [2, {"$natural": 1}]]}},
]


@pytest.mark.parametrize("value", FILTERS, ids=lambda value: str(value)[:50])
@pytest.mark.parametrize("path", ["filter", "open", "echo", "accounts"])
def test_a04_operators_never_reach_the_database(
    path: str, value: dict[str, Any], target: Attacker, accounts: Any
) -> None:
    assert target.ask_json("POST", f"/target/{path}", value).status == 400
    assert "stolen" not in accounts.database.list_collection_names()


@pytest.mark.parametrize(
    "value", [{}, {"secret.x": 1}, {"name.0": "a"}, {"no": "such"}, {"": 1}, {"_id": {"a": 1}}], ids=str
)
def test_a04_a_plain_filter_is_only_compared(value: dict[str, Any], target: Attacker, accounts: Any) -> None:
    answer = target.ask_json("POST", "/target/filter", value)
    assert answer.status == 200
    assert len(answer.json()["response"]) == (2 if not value else 0)
    assert b"s3cret" not in answer.body


ORDERS = ["$where", "-$where", "secret", "name,-role", "name;drop", "-", "", "__proto__", "name.x", "natural", "-_id"]


@pytest.mark.parametrize("order", ORDERS)
def test_a05_an_order_is_one_of_those_declared(order: str, target: Attacker, demo: Attacker) -> None:
    for answer in (target.ask("GET", f"/target/query?sort={order}"), demo.ask("GET", f"{TODO}?sort={order}")):
        assert answer.status == 400


@pytest.mark.parametrize(
    "name", ["projection", "fields", "filter", "where", "select", "populate", "collection", "sort[name]"]
)
def test_a05_no_parameter_decides_about_fields(name: str, target: Attacker, demo: Attacker, accounts: Any) -> None:
    for value in ("secret", "-name", "$secret", "1"):
        answer = target.ask("GET", f"/target/query?name=alice&{name}={value}")
        assert answer.status == (400 if name == "sort[name]" else 200)
        assert b"s3cret" not in answer.body
        assert demo.ask("GET", f"{TODO}?limit=1&{name}={value}").status in {200, 400}


STOLEN = {
    "_id": "000000000000000000000000",
    "oid": "000000000000000000000000",
    "role": "admin",
    "validated": True,
    "etag": "mine",
    "group": "admins",
    "secret": "mine",
    "Role": "admin",
    "role ": "admin",
    "notes.role": "admin",
}


@pytest.mark.parametrize(("field", "value"), STOLEN.items(), ids=STOLEN)
def test_b06_fields_of_the_server_are_not_taken_from_a_client(
    field: str, value: Any, target: Attacker, accounts: Any
) -> None:
    for sent in (value, None, [], {"a": value}):
        assert target.ask_json("POST", "/target/accounts", {"name": "carol", field: sent}).status == 200
        (made,) = accounts.find({"name": "carol"})
        accounts.delete_one({"_id": made["_id"]})
        assert (made["role"], made["validated"], made["etag"], made["group"]) == ("user", False, "first", "target")
        assert made["secret"] == "s3cret-of-the-house"
        assert str(made["_id"]) != value
        assert made["notes"] == {}
        assert set(made) == {"_id", "name", "role", "group", "validated", "etag", "secret", "notes"}
        assert target.ask_json("PATCH", "/target/accounts/alice", {field: sent}).status == 200
        changed = accounts.find_one({"name": "alice"})
        assert (changed["role"], changed["validated"], changed["etag"]) == ("user", False, "next")
        assert changed["secret"] == "s3cret-of-the-house"


@pytest.mark.parametrize("field", STOLEN)
def test_b06_a_strict_route_says_so(field: str, target: Attacker, accounts: Any) -> None:
    answer = target.ask_json("PATCH", "/target/accounts", {"name": "carol", field: 1})
    assert (answer.status, answer.json()["errors"][0]["code"]) == (400, "AdditionalParamsNotAllowed")
    assert accounts.count_documents({}) == 2


@pytest.mark.parametrize("field", ["_id", "group", "created", "lastModified", "etag"])
def test_b06_the_demo_keeps_its_own_fields(field: str, demo: Attacker) -> None:
    made = demo.ask_json("POST", TODO, {"name": f"steal {field}", field: "mine"})
    oid = made.json()["response"]["id"]
    assert demo.ask_json("PUT", f"{TODO}/{oid}", {"status": "checked", field: "mine"}).status == 200
    (item,) = demo.ask("GET", f"{TODO}/{oid}").json()["response"]
    assert (item["_id"], item["group"], item["status"]) == (oid, "demo", "checked")
    assert item.get(field) != "mine"
