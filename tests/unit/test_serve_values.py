"""The gate for values: JSON against a slow reference, query and form strings by tables, and no other errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.errors import BadRequest, HTTPError
from core.serve.values import parse_json, parse_query, parse_urlencoded
from core.settings import Limits
from tests.timing import cpu_ms

LIMITS = Limits()
SMALL = Limits(json_depth=4, json_keys=8, json_items=8, text_bytes=20)
FORBIDDEN = {"__proto__", "constructor", "prototype"}


# A slow, obviously correct reference


class Refused(Exception):
    """The reference says no."""


def refuse(_: object) -> Any:
    raise Refused


def read_int(text: str) -> int:
    if len(text.lstrip("-")) > 40 or not -(2**63) <= int(text) < 2**63:
        raise Refused
    return int(text)


def read_float(text: str) -> float:
    value = float(text)
    if abs(value) == float("inf") or sum(character.isdigit() for character in text) > 40:
        raise Refused
    return value


def read_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names) or any(n[:1] == "$" or "\0" in n or n in FORBIDDEN for n in names):
        raise Refused
    return dict(pairs)


def measure(value: Any, limits: Limits) -> tuple[int, int, int]:
    """Depth, keys and items; refuses long and broken texts on the way."""
    if isinstance(value, str):
        if len(value.encode()) > limits.text_bytes:  # raises for lone surrogates
            raise Refused
        return 0, 0, 0
    if not isinstance(value, (dict, list)):
        return 0, 0, 0
    parts = [measure(item, limits) for item in [*value, *(value.values() if isinstance(value, dict) else ())]]
    depth, keys, items = (list(column) for column in zip(*parts, strict=True)) if parts else ([], [], [])
    own_keys, own_items = (len(value), 0) if isinstance(value, dict) else (0, len(value))
    return 1 + max(depth, default=0), own_keys + sum(keys), own_items + sum(items)


def reference(raw: bytes, limits: Limits) -> Any:
    try:
        text = raw.decode("utf-8")
        if text.startswith("\ufeff"):
            raise Refused
        value = json.loads(
            text, parse_constant=refuse, parse_int=read_int, parse_float=read_float, object_pairs_hook=read_pairs
        )
        depth, keys, items = measure(value, limits)
    except (ValueError, RecursionError) as error:
        raise Refused from error
    if not isinstance(value, (dict, list)):
        raise Refused
    if depth > limits.json_depth or keys > limits.json_keys or items > limits.json_items:
        raise Refused
    return value


def outcome(read: Callable[[bytes, Limits], Any], raw: bytes, limits: Limits) -> str:
    try:
        return repr(read(raw, limits))  # repr tells 1 from 1.0 and True
    except (Refused, BadRequest):
        return "refused"


# JSON, VAL-2

REFUSED = {
    "NaN": b'{"a":NaN}',
    "Infinity": b"[Infinity]",
    "-Infinity": b"[-Infinity]",
    "1e400": b'{"a":1e400}',
    "-1e400": b"[-1e400]",
    "above int64": b"[9223372036854775808]",
    "below int64": b"[-9223372036854775809]",
    "above uint64": b'{"a":18446744073709551616}',
    "41 digits": b"[" + b"1" * 41 + b"]",
    "41 digits in a fraction": b"[0." + b"1" * 41 + b"]",
    "4301 digits": b"[" + b"1" * 4301 + b"]",
    "4301 digits in a fraction": b"[0." + b"1" * 4301 + b"]",
    "long integer after a float": b"[1.5,99999999999999999999]",
    "long integer among texts with quotes": b'["\\"1",99999999999999999999,"\\\\"]',
    "duplicate key (A06)": b'{"a":1,"a":2}',
    "duplicate key, escaped": b'{"a":1,"\\u0061":2}',
    "duplicate key, nested": b'{"x":[{"b":{"a":1,"a":1}}]}',
    "duplicate key beside colons in texts": b'{"a":":","a":"::"}',
    "duplicate key beside quotes in texts": b'{"a":"\\":\\\\","a":"\\\\\\":"}',
    "duplicate empty key": b'{"":1,"":2}',
    "lone high surrogate": b'["\\ud800"]',
    "lone low surrogate": b'["\\udc00"]',
    "lone surrogate in a key": b'{"\\ud800":1}',
    "surrogates swapped": b'["\\udc00\\ud800"]',
    "byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": "{}".encode("utf-16"),
    "UTF-16 without mark": '{"a":1}'.encode("utf-16-le"),
    "UTF-32": "{}".encode("utf-32"),
    "latin-1": b'["\xe4"]',
    "overlong UTF-8": b'["\xc0\xaf"]',
    "surrogate in UTF-8": b'["\xed\xa0\x80"]',
    "trailing data": b"{} {}",
    "trailing NUL": b"{}\x00",
    "trailing comma": b"[1,]",
    "single quotes": b"['a']",
    "comment": b"[1/**/]",
    "raw control character": b'["\x01"]',
    "empty": b"",
    "blank": b" \n",
    "33 levels": b"[" * 33 + b"]" * 33,
    "33 levels of objects": b'{"a":' * 33 + b"1" + b"}" * 33,
    "100,000 levels": b"[" * 100_000 + b"]" * 100_000,
    "10,001 keys": json.dumps({f"k{number}": 1 for number in range(10_001)}).encode(),
    "10,001 keys in sum": json.dumps([{f"k{number}": 1 for number in range(5_001)}] * 2).encode(),
    "10,001 items": json.dumps([1] * 10_001).encode(),
    "10,001 items in sum": json.dumps([[1] * 5_000] * 2).encode(),
    "text above 64 KiB": b'["' + b"x" * 65_537 + b'"]',
    "text above 64 KiB in UTF-8": b'["' + "ä".encode() * 32_769 + b'"]',
    "text above 64 KiB as value": b'{"a":"' + b"x" * 65_537 + b'"}',
    "key of 100 kB (A03)": b'{"' + b"x" * 100_000 + b'":1}',
    "NUL in a key": b'{"a\\u0000b":1}',
    "$ key (A01)": b'{"a":{"$ne":null}}',
    "$ key, escaped": b'{"a":{"\\u0024gt":""}}',
    "bare $": b'{"$":1}',
    "$ key in a list": b'[[{"a":[{"$where":"1"}]}]]',
    "__proto__ (A03)": b'{"a":[{"__proto__":{}}]}',
    "__proto__, escaped": b'{"\\u005f_proto__":{}}',
    "constructor (A10)": b'{"constructor":{}}',
    "constructor, escaped": b'{"\\u0063onstructor":{}}',
    "prototype": b'{"a":{"prototype":1}}',
    "text at the top": b'"a"',
    "number at the top": b"1",
    "null at the top": b"null",
}


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED.keys())
def test_val_2_json_that_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_json(raw, LIMITS)
    assert caught.value.msg
    assert outcome(reference, raw, LIMITS) == "refused"


ACCEPTED = {
    "empty object": b"{}",
    "blanks around": b" \r\n\t[ ] ",
    "ends of int64": b"[9223372036854775807,-9223372036854775808]",
    "largest double": b"[1.7976931348623157e308]",
    "40 digits in a fraction": b"[0." + b"1" * 39 + b"]",
    "underflow": b"[1e-400]",
    "large float": b"[1e300,12345678901234567890.5]",
    "minus zero": b"[-0,-0.0]",
    "long digits in a text": b'["' + b"9" * 60 + b'",1.5]',
    "long digits in a key": b'{"' + b"9" * 60 + b'":1.5}',
    "colons in texts": b'{"time":"12:30:00","url":"http://a:1"}',
    "colons in keys": b'{"a:b":1,"::":"\\":"}',
    "colon as escape": b'{"a":"\\u003a","b":"\\u003A"}',
    "quotes and backslashes": b'{"a":"\\\\","b":"\\\\\\"","c":"\\\\\\\\:\\"{","\\"":":"}',
    "same key in two objects": b'[{"a":1},{"a":2}]',
    "same key on two levels": b'{"a":{"a":{"a":1}}}',
    "surrogate pair": b'["\\ud83d\\ude00"]',
    "forbidden names as values": b'{"a":"$ne","b":["__proto__","constructor","prototype"]}',
    "$ inside a key": b'{"a$b":1}',
    "dot in a key": b'{"a.b":1}',
    "longer than a forbidden name": b'{"__proto__x":1,"constructors":2,"prototypes":3}',
    "NUL in a value": b'["\\u0000"]',
    "32 levels": b"[" * 32 + b"]" * 32,
    "10,000 keys": json.dumps({f"k{number}": 1 for number in range(10_000)}).encode(),
    "10,000 items": json.dumps([1] * 10_000).encode(),
    "text of 64 KiB": b'["' + b"x" * 65_536 + b'"]',
    "text of 64 KiB in UTF-8": b'["' + "ä".encode() * 32_768 + b'"]',
    "many short texts": json.dumps(["x" * 60_000] * 8).encode(),
}


@pytest.mark.parametrize("raw", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_val_2_json_that_is_read(raw: bytes) -> None:
    assert repr(parse_json(raw, LIMITS)) == repr(reference(raw, LIMITS))


KEYS = st.sampled_from(
    ["a", "b", "", ":", '\\"', "\\\\", "\\u0061", "\\u003a", "a:b", "$a", "\\u0024", "__proto__", "ä", "\\u0000", "[{"]
)
INTEGERS = ["0", "-0", "1", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "1" * 19, "1" * 40]
FLOATS = ["-1.5", "1e5", "1e400", "0." + "1" * 39, "0." + "1" * 40, "123456789012345678.5", "1E+300"]
NUMBERS = st.sampled_from([*INTEGERS, *FLOATS, "1" * 41, "01", "1."])
TEXTS = st.one_of(
    KEYS, st.text(st.sampled_from('ab:"\\{}[],0123456789'), max_size=12).map(lambda t: json.dumps(t)[1:-1])
)
LEAVES = st.one_of(NUMBERS, TEXTS.map(lambda text: f'"{text}"'), st.sampled_from(["true", "null", "NaN", '"\\ud800"']))


def write_object(members: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f'"{key}":{value}' for key, value in members) + "}"


DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda items: "[" + ",".join(items) + "]"),
        st.lists(st.tuples(KEYS, inner), max_size=4).map(write_object),
    ),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(DOCUMENTS)
def test_val_1_json_agrees_with_the_reference(text: str) -> None:
    raw = text.encode()
    assert outcome(parse_json, raw, SMALL) == outcome(reference, raw, SMALL)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*'{}[],:"\\ 01-e.', '"a"', '"a":', "null", "\\u", "d800", "$", "\n"]), max_size=20))
def test_val_1_broken_json_agrees_with_the_reference(tokens: list[str]) -> None:
    raw = "".join(tokens).encode()
    assert outcome(parse_json, raw, SMALL) == outcome(reference, raw, SMALL)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
@example(b"\xff")
def test_val_1_bytes_raise_nothing_but_http_errors(raw: bytes) -> None:
    for parse in (parse_json, parse_query, parse_urlencoded):
        try:
            parse(raw, LIMITS)
        except HTTPError as error:
            assert error.status == 400


WORST = {
    "empty lists": b"[" + b"[]," * 174_000 + b"[]]",
    "empty objects": b"[" + b"{}," * 174_000 + b"{}]",
    "most keys, colons in every text": json.dumps({f"key number {n:05d}": "::::" * 7 for n in range(10_000)}).encode(),
    "most items": json.dumps([n + 0.1234567890123456 for n in range(10_000)]).encode(),
    "many numbers": b"[" + b"1," * 262_000 + b"1]",
    "quotes": b'["' + b'\\"' * 32_000 + b'",' + b'["' + b'\\"' * 32_000 + b'"],["' + b'\\"' * 65_000 + b'"]]',
    "backslashes": b'{"a":[' + b",".join([b'"' + b"\\\\" * 32_000 + b'"'] * 7) + b'],"b":":"}',
    "one key again and again": b"{" + b'"a":1,' * 87_000 + b'"a":1}',
    "one number": b"[0." + b"1" * 524_000 + b"]",
    "escapes": b'["' + b"\\u0041" * 60_000 + b'",' + b'"\\u0042"]',
    "objects of one key": b"[" + b'{"a":1.5},' * 9_999 + b'{"a":1.5}]',
    "deep": (b"[" * 31 + b"]" * 31 + b",") * 300,
}


@pytest.mark.parametrize("raw", WORST.values(), ids=WORST.keys())
def test_val_7_the_worst_bodies_take_at_most_50_ms(raw: bytes) -> None:
    assert len(raw) <= 525_000
    assert cpu_ms(lambda: outcome(parse_json, raw, LIMITS)) <= 50


def test_limits_are_those_of_the_settings() -> None:
    with pytest.raises(BadRequest):
        parse_query(b"a=1&b=2", replace(LIMITS, query_params=1))


@pytest.mark.parametrize("key", ["$ne", "$", "a\0", *sorted(FORBIDDEN)])
def test_nosql_4_a_planted_key_is_found_wherever_it_is(key: str) -> None:
    for value in ({key: 1}, [{key: 1}], {"a": [{"b": 1}, {"c": [{}, {key: 1}]}]}, [[[[{"a": {"b": {key: None}}}]]]]):
        with pytest.raises(BadRequest):
            parse_json(json.dumps(value).encode(), LIMITS)


@pytest.mark.parametrize(
    ("raw", "taken"),
    [
        (b'{"note":"%s"}' % (b"x" * 40), True),
        (b'{"deep":[{"note":"%s"}]}' % (b"x" * 40), True),
        (b'{"note":["a","%s"]}' % (b"x" * 40), True),
        (b'{"note":"%s"}' % (b"x" * 41), False),
        (b'{"note":{"other":"%s"}}' % (b"x" * 21), False),
        (b'{"other":"%s"}' % (b"x" * 21), False),
        (b'{"%s":1}' % (b"x" * 21), False),
    ],
)
def test_val_3_a_field_that_declares_it_may_be_longer(raw: bytes, taken: bool) -> None:
    if taken:
        assert parse_json(raw, SMALL, {"note": 40})
        with pytest.raises(BadRequest):
            parse_json(raw, SMALL)
    else:
        with pytest.raises(BadRequest):
            parse_json(raw, SMALL, {"note": 40})


def test_val_3_a_field_of_a_form_that_declares_it_may_be_longer() -> None:
    assert parse_urlencoded(b"note=" + b"x" * 40, SMALL, {"note": 40}) == {"note": "x" * 40}
    with pytest.raises(BadRequest):
        parse_urlencoded(b"other=" + b"x" * 40, SMALL, {"note": 40})
