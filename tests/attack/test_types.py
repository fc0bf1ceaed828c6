"""A01, A03, A06: values of the wrong type, operators and odd keys in every place of a request.

What is refused is refused with a 4xx; what is let through matches nothing. No answer shows an account.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.attack.attacker import Attacker
from tests.attack.payloads import JSON_VALUES, TEXT_VALUES
from tests.rig.raw_http import RawAnswer

TODO = "/demo/v1/todo"
FORM = {"Content_Type": "application/x-www-form-urlencoded"}


def matched_nothing(answer: RawAnswer) -> bool:
    """Refused, or answered with nothing."""
    return answer.status in {400, 404, 413, 414} or (answer.status == 200 and answer.json()["response"] == [])


@pytest.mark.parametrize("value", JSON_VALUES.values(), ids=JSON_VALUES)
@pytest.mark.parametrize("place", ["body", "open"])
def test_a01_a_json_value_in_a_filter_matches_nothing(
    place: str, value: bytes, target: Attacker, accounts: Any
) -> None:
    assert matched_nothing(target.ask("POST", f"/target/{place}", b'{"name": ' + value + b"}"))


REFUSED = [name for name in JSON_VALUES if name not in {"true", "false", "zero", "many digits", "1e400", "minus 1e400"}]


@pytest.mark.parametrize("name", REFUSED)
def test_a01_a_text_field_takes_text(name: str, target: Attacker, demo: Attacker) -> None:
    body = b'{"name": ' + JSON_VALUES[name] + b"}"
    assert target.ask("POST", "/target/accounts", body).status == 400
    assert demo.ask("POST", TODO, body).status == 400


@pytest.mark.parametrize("value", JSON_VALUES.values(), ids=JSON_VALUES)
def test_a01_every_field_of_the_demo_is_refused_or_plain(value: bytes, demo: Attacker) -> None:
    for body in (b'{"name": "x", "status": ' + value + b"}", b'{"status": ' + value + b"}"):
        assert demo.ask("POST", TODO, body).status == 400
        assert demo.ask("PUT", f"{TODO}/{'a' * 24}", body).status == 400


@pytest.mark.parametrize("value", TEXT_VALUES.values(), ids=TEXT_VALUES)
def test_a01_text_in_path_header_query_and_form_matches_nothing(value: str, target: Attacker, accounts: Any) -> None:
    encoded = quote(value, safe="")
    answers = [
        target.ask("GET", f"/target/path/{encoded}"),
        target.ask("GET", f"/target/query?name={encoded}"),
        target.ask("GET", f"/target/query?names={encoded}&names[]={encoded}"),
        target.ask("POST", "/target/form", f"name={encoded}".encode(), **FORM),
    ]
    if value.isascii() and value.strip() == value:  # the server cuts blanks around headers off
        answers.append(target.ask("GET", "/target/header", X_Name=value))
    assert all(map(matched_nothing, answers)), answers


@pytest.mark.parametrize("value", TEXT_VALUES.values(), ids=TEXT_VALUES)
def test_a01_ids_and_queries_of_the_demo(value: str, demo: Attacker) -> None:
    encoded = quote(value, safe="")
    for method, body in (("GET", b""), ("PUT", b'{"status": "checked"}'), ("DELETE", b"")):
        assert demo.ask(method, f"{TODO}/{encoded}", body).status == 400
    for name in ("limit", "skip", "sort"):
        assert demo.ask("GET", f"{TODO}?{name}={encoded}").status == 400


QUERIES = {
    "name[$ne]=1": 400,
    "name[$ne]=": 400,
    "name[$gt]=": 400,
    "name[$regex]=.*": 400,
    "name%5B%24ne%5D=1": 400,
    "name%5b$ne%5d=1": 400,
    "name[]=alice": 400,
    "name[0]=alice": 400,
    "name=alice&name=bob": 400,
    "name[a]=alice": 400,
    "name[a][$ne]=1": 400,
    "names[0][$ne]=x": 400,
    "names[$in][]=alice": 400,
    "about[$where]=1": 400,
    "about[a][$gt]=": 400,
    "about[a][b][c][d][e]=1": 200,
    "about[a][b][c][d][e][f]=1": 400,
    "about[__proto__]=1": 400,
    "about[constructor][prototype]=1": 400,
    "$where=1": 400,
    "__proto__=1": 400,
    "limit=1e400": 400,
    "limit=true": 400,
    "limit[]=1": 400,
    "limit=1&limit=2": 400,
    "limit=９": 400,
    "ratio=1e400": 400,
    "ratio=nan": 400,
    "ratio=inf": 400,
    "ratio=-Infinity": 400,
    "ratio=1_0": 400,
    "sort[$ne]=1": 400,
    "sort=$where": 400,
    "name=a%00b": 200,
    "name=%ff": 400,
    "name=%": 400,
    "na%00me=1": 400,
    "name[": 400,
    "name]": 400,
    "[name]=1": 400,
    "name[$ne]": 400,
    "names[99]=a": 400,
}


@pytest.mark.parametrize(("query", "status"), QUERIES.items(), ids=QUERIES)
def test_a01_brackets_and_repeated_names(query: str, status: int, target: Attacker, accounts: Any) -> None:
    sent = query if query.isascii() else quote(query, safe="=")
    answer = target.ask("GET", f"/target/query?{sent}")
    assert answer.status == status
    assert matched_nothing(answer)
    if "$" in query or "proto" in query:  # a form obeys the same rules
        assert target.ask("POST", "/target/form", sent.encode(), **FORM).status == 400


@pytest.mark.parametrize("name", ["x-name[$ne]", "X_Name", "x-name"])
def test_a01_headers_are_texts(name: str, target: Attacker, accounts: Any) -> None:
    head = f"GET /target/header HTTP/1.1\r\nHost: localhost\r\n{name}: alice\r\nX-Name: nobody\r\n\r\n"
    assert matched_nothing(target.ask_bytes(head.encode()))


KEYS: dict[str, tuple[str, int]] = {
    "operator": ("$where", 400),
    "dollar alone": ("$", 400),
    "NUL": ("a\0b", 400),
    "NUL alone": ("\0", 400),
    "proto": ("__proto__", 400),
    "constructor": ("constructor", 400),
    "prototype": ("prototype", 400),
    "class": ("__class__", 200),
    "dotted": ("a.b", 200),
    "empty": ("", 200),
    "wide dollar": ("＄where", 200),
    "100 kB": ("k" * 100_000, 400),
    "10 kB": ("k" * 10_000, 200),
    "line feed": ("a\nb", 200),
    "lone surrogate": ("\ud800", 400),
}


@pytest.mark.parametrize(("key", "status"), KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("depth", [0, 3])
def test_a03_odd_keys_are_refused_or_plain(key: str, status: int, depth: int, target: Attacker) -> None:
    value: Any = {key: 1}
    for _ in range(depth):
        value = {"a": [value]}
    answer = target.ask_json("POST", "/target/echo", value)
    assert answer.status == status
    assert answer.status == 400 or answer.json()["response"] == value


@pytest.mark.parametrize(("key", "status"), KEYS.values(), ids=KEYS)
def test_a03_odd_keys_are_not_stored(key: str, status: int, target: Attacker, accounts: Any) -> None:
    stored = 400 if key in {"a.b", ""} else status
    assert target.ask_json("POST", "/target/accounts", {"name": "carol", "notes": {"a": {key: 1}}}).status == stored
    assert target.ask_json("PUT", "/target/accounts/alice", {"a": [{key: 1}]}).status == stored
    expected = {"a": [{key: 1}]} if stored == 200 else {}
    assert accounts.find_one({"name": "alice"})["notes"] == expected


@pytest.mark.parametrize("key", ["k" * 100_000, "$ne", "__proto__"], ids=["100 kB", "operator", "proto"])
def test_a03_odd_names_of_parameters(key: str, target: Attacker, demo: Attacker) -> None:
    assert target.ask("GET", f"/target/query?{key}=1").status in {400, 414}
    assert target.ask("POST", "/target/form", f"{key}=1&name=x".encode(), **FORM).status == 400
    assert demo.ask("GET", f"{TODO}?{key}=1").status in {400, 414}


DUPLICATES = [
    '{"name": "alice", "name": "x"}',
    '{"name": "x", "name": "alice"}',
    '{"name": "x", "\\u006eame": "alice"}',
    '{"name": {"a": 1}, "name": "alice"}',
    '{"a": {"b": 1, "b": 1}, "name": "x"}',
    '{"name": "a:\\"b", "limit": 1, "limit": 1}',
]


@pytest.mark.parametrize("body", DUPLICATES)
@pytest.mark.parametrize("path", ["/target/body", "/target/open", "/target/accounts", "/target/echo"])
def test_a06_a_key_that_occurs_twice_is_refused(body: str, path: str, target: Attacker, demo: Attacker) -> None:
    assert target.ask("POST", path, body.encode()).status == 400
    assert demo.ask("POST", TODO, body.encode()).status == 400


def test_a06_the_check_and_the_handler_see_the_same_value(target: Attacker) -> None:
    sent = {"name": 'x", "name": "y', "a": "{}:,", "b": "\\", "c": '\\"', "d": {"name": 1}}
    answer = target.ask_json("POST", "/target/echo", sent)
    assert answer.json()["response"] == sent
    assert json.loads(answer.body)["response"]["name"] == sent["name"]
