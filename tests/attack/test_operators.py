"""NOSQL-1: the profiler of the database sees no operator that a client sent, whatever the place and the route."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from pymongo import MongoClient
from pymongo.database import Database

from tests.attack.attacker import Attacker
from tests.attack.operators import BRACKETS, JSON, TEXTS
from tests.attack.test_types import FORM, TODO, matched_nothing

PROFILE_BYTES = 64 * 1024 * 1024
SAID = ("filter", "query", "q", "u", "update", "updates", "pipeline", "documents", "sort", "projection", "key")


@contextmanager
def profiled(database: Database[Any]) -> Iterator[set[str]]:
    """Fills a set with the paths of the operators that the database was sent."""
    seen: set[str] = set()
    database.command("profile", 0)
    database.drop_collection("system.profile")
    database.create_collection("system.profile", capped=True, size=PROFILE_BYTES)
    database.command("profile", 2)
    try:
        yield seen
    finally:
        database.command("profile", 0)
    for entry in database["system.profile"].find({"appName": "catena"}):
        command = entry.get("command", {})
        for part in SAID:
            seen.update(operators_of(command.get(part), part))


def operators_of(value: Any, path: str) -> Iterator[str]:
    """Where keys stand that begin with `$`, at any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key.startswith("$"):
                yield f"{path} {key}"
            yield from operators_of(inner, f"{path} {key}")
    elif isinstance(value, list):
        for inner in value:
            yield from operators_of(inner, path)


def keys_of(value: Any) -> set[str]:
    inner = [*value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return {*(value if isinstance(value, dict) else ())}.union(*map(keys_of, inner))


def send_harmless(target: Attacker, demo: Attacker) -> None:
    """Each route once, as it is meant: what the database is sent then, comes from code."""
    oid = demo.ask_json("POST", TODO, {"name": "harmless"}).json()["response"]["id"]
    for method, path, body in (
        ("GET", f"{TODO}?limit=1&skip=0&sort=-name", b""),
        ("GET", f"{TODO}/{oid}", b""),
        ("PUT", f"{TODO}/{oid}", b'{"status": "checked"}'),
        ("DELETE", f"{TODO}/{oid}", b""),
    ):
        assert demo.ask(method, path, body).status == 200
    for method, path, body in (
        ("GET", "/target/query?name=x", b""),
        ("GET", "/target/query?names=x&names=y", b""),
        ("GET", "/target/path/x", b""),
        ("POST", "/target/body", b'{"name": "x"}'),
        ("POST", "/target/open", b'{"name": "x"}'),
        ("POST", "/target/filter", b'{"name": "x"}'),
        ("POST", "/target/accounts", b'{"name": "harmless"}'),
        ("PUT", "/target/accounts/harmless", b'{"a": 1}'),
        ("PATCH", "/target/accounts/harmless", b'{"name": "harmless"}'),
    ):
        assert target.ask(method, path, body).status == 200


def send_corpus(target: Attacker, demo: Attacker) -> None:
    """Everything in every place; what reads, finds nothing."""
    for rest in BRACKETS:
        assert matched_nothing(target.ask("GET", f"/target/query?name{rest}"))
        assert target.ask("GET", f"/target/query?about{rest}&name=nobody").status in {200, 400}
        assert matched_nothing(target.ask("POST", "/target/form", f"name{rest}".encode(), **FORM))
        assert demo.ask("GET", f"{TODO}?sort{rest}").status == 400
    for text in TEXTS:
        encoded = quote(text, safe="")
        assert matched_nothing(target.ask("GET", f"/target/path/{encoded}"))
        assert matched_nothing(target.ask("GET", f"/target/query?names={encoded}&names={encoded}"))
        if text.isascii() and text.strip() == text:
            assert matched_nothing(target.ask("GET", "/target/header", X_Name=text))
        assert demo.ask("DELETE", f"{TODO}/{encoded}").status == 400
    for value in JSON:
        for path in ("body", "open"):
            assert matched_nothing(target.ask("POST", f"/target/{path}", b'{"name": %b}' % value))
        for method, path in (("POST", "filter"), ("PUT", "accounts/alice"), ("POST", "accounts")):
            body = b'{"name": "carol", "notes": %b}' % value
            assert target.ask(method, f"/target/{path}", body).status in {200, 400, 409}
        assert demo.ask("POST", TODO, b'{"name": "x", "status": %b}' % value).status == 400


def test_NOSQL_1_the_database_sees_no_operator_of_a_client(
    target: Attacker, demo: Attacker, accounts: Any, mongo_url: str
) -> None:
    assert len({*JSON}) >= 300
    with MongoClient[Any](mongo_url) as client:
        databases = client["test_attack"], client["test_attack_demo"]
        with profiled(databases[0]) as own, profiled(databases[1]) as own_of_demo:
            send_harmless(target, demo)
        with profiled(databases[0]) as seen, profiled(databases[1]) as seen_in_demo:
            send_corpus(target, demo)
        assert seen <= own, seen - own
        assert seen_in_demo <= own_of_demo, seen_in_demo - own_of_demo
        assert {path.split()[-1] for path in own} == {"$in", "$set"}
        assert own & seen  # the profiler saw what was sent
        stored = [document for database in databases for name in database.list_collection_names()
                  if not name.startswith("system.") for document in database[name].find()]  # fmt: skip
        assert not [key for document in stored for key in keys_of(document) if key[:1] == "$" or not key or "." in key]
    assert accounts.find_one({"name": "alice"})["role"] == "user"
