"""A09, H03, LOG-1, LOG-3: what stands in the log, and what an answer says about the inside."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.attack.attacker import Attacker, check_answer
from tests.attack.conftest import TARGET_ROOT
from tests.mongo import wait_until
from tests.rig.raw_http import raw_connection
from tests.server import Server, start_server

TODO = "/demo/v1/todo"

HOSTILE = [
    "%s%s%n %d %(message)s",
    "{0.__class__} {} {message}",
    "$(id) `id` ${jndi:ldap://x/a}",
    'first\nsecond {"level":"error","message":"forged"}',
    '\r\n{"level":"error"}\r\n',
    '"},{"level":"error","x":"',
    "\x00\x07\x08\x1b[2J\x1b[31mred\x1b]0;title\x07",
    "a\u2028b\u2029c\x85d\x0b\x0c",
    "\u202etxt.exe\u202c\u2066x\u2069",
    "\x7f\x80\x9b31m",
    "\ud7ff\ue000\uffff\U0010ffff",
    "x" * 5000,
]


def events(server: Server) -> list[dict[str, Any]]:
    """The log; fails when a line is no event. That the machine is busy is an event of its own."""
    found = [json.loads(line) for line in server.output.split("\n") if line]
    return [event for event in found if event.get("action") != "server.blocked"]


@pytest.fixture(scope="module")
def production(mongo_url: str) -> Iterator[Server]:
    """The target in a mode named production."""
    root = Path(tempfile.mkdtemp(prefix="catena-"))
    shutil.copytree(TARGET_ROOT, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    url = mongo_url.replace("/?", "/test_disclosure?")
    with start_server(root, "production", CATENA_MONGO_URL=url) as running:
        yield running
    shutil.rmtree(root)


def ask(server: Server, method: str, path: str, body: bytes = b"", **headers: str) -> Any:
    with raw_connection(server.port) as connection:
        connection.send(method, path, body, **headers)
        return connection.read()


def make_texts(count: int, seed: int) -> list[str]:
    """Hostile texts, cut and put together at random; the same for a seed."""
    chance = random.Random(seed)
    pieces = [*HOSTILE, *map(chr, range(0x20)), "\\", '"', "é", "\U0001f600"]
    return ["".join(chance.choices(pieces, k=chance.randint(1, 6)))[:500] + f" #{number}" for number in range(count)]


def test_LOG_1_ten_thousand_hostile_texts_are_one_event_each(production: Server) -> None:
    texts = make_texts(5000, seed=16)
    before = len(events(production))
    for start in range(0, len(texts), 500):
        sent = json.dumps({"texts": texts[start : start + 500]}).encode()
        assert ask(production, "POST", "/target/log", sent).status == 200
    found = events(production)[before:]
    assert [event["message"] for event in found if event["action"] == "attack.message"] == texts
    seen = [event for event in found if event["action"] == "attack.argument"]
    assert [event["message"] for event in seen] == [f"seen {text}" for text in texts]
    assert [event["data"] for event in seen] == [{text: [text]} for text in texts]
    assert len(found) == 2 * len(texts)
    for character in "\r\x1b\x00\x85\u2028\u202e\x9b":
        assert character not in production.output


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a09_every_other_place_that_is_logged(text: str, production: Server) -> None:
    """Names of unknown fields, messages of exceptions, names in paths, headers, and work after the answer."""
    before = len(events(production))
    text = text[:1000]
    key = f"k{text}".replace("\0", "")
    assert ask(production, "POST", "/target/overflow", json.dumps({"name": "x", key: 1}).encode()).status == 200
    encoded = quote(text, safe="")
    for path in ("crash?text=", "crash-later?text=", "query?name=", "path/"):
        assert ask(production, "GET", f"/target/{path}{encoded}").status in {200, 400, 404, 500}
    header = text.encode("ascii", "ignore").decode()
    for name in ("User_Agent", "Accept_Language", "X_Request_Id", "Referer", "culture.code"):
        with suppress(EOFError):  # line feeds end the header, and the connection
            assert ask(production, "GET", "/target/crash", **{name: header}).status in {200, 400, 404, 500}
    wait_until(lambda: [event for event in events(production)[before:] if event["tag"] == "later"])
    found = [event for event in events(production)[before:] if event["tag"] != "uvicorn.error"]
    assert {event["action"] for event in found} == {"request.overflow", "request.failed", "later.failed"}
    assert [event["message"] for event in found if event["action"] == "request.overflow"] == [
        f"Additional parameters are not allowed: {key} in body"
    ]
    assert repr(RuntimeError(f"inside: {text}")) in next(
        event["message"] for event in found if event["action"] == "request.failed"
    )
    for event in events(production)[before:]:
        assert not any("forged" in str(event.get(name)) for name in ("level", "tag", "action"))


def test_LOG_3_a_failure_in_production_says_nothing_of_the_inside(production: Server) -> None:
    for path in ("/target/crash?text=secret", "/target/crash-in-store"):
        before = len(events(production))
        answer = ask(production, "GET", path, debug="true", X_Debug="1", Accept="text/html")
        check_answer(answer, statuses=[500])
        (error,) = answer.json()["errors"]
        assert (answer.status, error["code"], set(error)) == (500, "InternalServerError", {"code", "msg"})
        assert b"secret" not in answer.body
        assert "server" not in answer.headers
        (event,) = events(production)[before:]
        assert event["request_id"] == answer.headers["x-request-id"]
        assert "Traceback" in event["exception"]


@pytest.mark.parametrize(
    ("path", "status"),
    [("/target/query?name=alice", 200), ("/target/query?limit=x", 400), ("/nowhere", 404), ("/target/crash", 500)],
)
def test_h02_nothing_is_shown_in_production_to_who_asks_for_it(path: str, status: int, production: Server) -> None:
    plain = ask(production, "GET", path)
    for headers in ({"debug": "true"}, {"debug": "1", "X_Debug": "true"}, {"Debug": "TRUE"}):
        answer = ask(production, "GET", path, **headers)
        assert answer.status == plain.status == status
        assert set(answer.json()) == set(plain.json()) <= {"status", "response", "errors"}


def test_LOG_3_a_failure_after_the_answer_has_the_request_id(production: Server) -> None:
    before = len(events(production))
    answer = ask(production, "GET", "/target/crash-later?text=x")
    assert answer.status == 200
    wait_until(lambda: len(events(production)) > before)
    (event,) = events(production)[before:]
    assert (event["action"], event["request_id"]) == ("later.failed", answer.headers["x-request-id"])


def test_LOG_3_a_failure_in_a_stream_ends_the_connection_and_is_one_event(production: Server) -> None:
    before = len(events(production))
    with raw_connection(production.port) as connection:
        connection.send("GET", "/target/crash-in-stream?text=secret")
        connection.send("GET", "/health/live")
        got = b""
        with suppress(ConnectionError):
            while piece := connection.socket.recv(65_536):
                got += piece
    assert got.startswith(b"HTTP/1.1 200 ")
    assert b"one" in got
    assert b"secret" not in got
    assert not got.endswith(b"0\r\n\r\n")  # or it would pass for a whole answer
    wait_until(lambda: len(events(production)) > before)
    assert [event["level"] for event in events(production)[before:]] == ["error"]


ERRORS = {
    "400": ("GET", "/target/query?limit=x", b""),
    "400 JSON": ("POST", "/target/body", b"{"),
    "400 rules": ("POST", "/target/accounts", b'{"name": ""}'),
    "404": ("GET", "/nowhere", b""),
    "405": ("DELETE", "/target/query", b""),
    "413": ("POST", "/target/body", b'{"name": "' + b"x" * 600_000 + b'"}'),
    "414": ("GET", f"/target/{'x' * 9000}", b""),
    "431": ("GET", "/target/query", b""),
}


@pytest.mark.parametrize("case", ERRORS)
def test_h03_errors_say_nothing_of_the_inside(case: str, target: Attacker) -> None:
    method, path, body = ERRORS[case]
    more = {f"X_{number}": "1" for number in range(120)} if case == "431" else {}
    assert target.ask(method, path, body, **more).status == int(case[:3])


def test_h03_a_taken_name_does_not_name_the_index(target: Attacker, demo: Attacker, accounts: Any) -> None:
    answer = target.ask_json("POST", "/target/accounts", {"name": "alice"})
    assert (answer.status, answer.json()["errors"][0]["code"]) == (409, "DataRecordAlreadyExist")
    assert "id" not in answer.json()["errors"][0]
    for _ in range(2):
        answer = demo.ask_json("POST", TODO, {"name": "only once"})
    assert answer.status == 409


def test_h03_an_ended_mongod_is_not_named(production: Server) -> None:
    """`test_LIFE_5_…` stops a real one; here the query fails inside the driver."""
    answer = ask(production, "GET", "/target/crash-in-store")
    check_answer(answer, statuses=[500])
