"""The gate for query and form strings: what they mean, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import BadRequest
from core.serve.values import parse_query, parse_urlencoded
from core.settings import Limits

LIMITS = Limits()

# Query and form bodies

QUERIES: dict[str, tuple[bytes, dict[str, Any]]] = {
    "nothing": (b"", {}),
    "flat": (b"a=1&b=two", {"a": "1", "b": "two"}),
    "without value": (b"a&b=", {"a": "", "b": ""}),
    "without name": (b"=1", {"": "1"}),
    "empty parts": (b"&&a=1&", {"a": "1"}),
    "second equals sign": (b"a=b=c", {"a": "b=c"}),
    "repeated (VAL-5)": (b"a=1&a=2&a=3", {"a": ["1", "2", "3"]}),
    "repeated, escaped": (b"a=1&%61=2", {"a": ["1", "2"]}),
    "plus and escapes": (b"a+b=c%20d%2Be", {"a b": "c d+e"}),
    "UTF-8": ("ä=%C3%BC".encode(), {"ä": "ü"}),
    "decoded once": (b"a=%2541", {"a": "%41"}),
    "escaped ampersand": (b"a=1%26b=2", {"a": "1&b=2"}),
    "semicolon is no separator": (b"a=1;b=2", {"a": "1;b=2"}),
    "forbidden names as values": (b"a=__proto__&b=%24ne", {"a": "__proto__", "b": "$ne"}),
    "dot in a name": (b"a.b=1", {"a.b": "1"}),
    "nested": (b"a[b]=1&a[c][d]=2", {"a": {"b": "1", "c": {"d": "2"}}}),
    "nested, escaped": (b"a%5Bb%5D=1", {"a": {"b": "1"}}),
    "list": (b"a[]=1&a[]=2", {"a": ["1", "2"]}),
    "one of a list": (b"a[]=1", {"a": ["1"]}),
    "list by index": (b"a[1]=y&a[0]=x", {"a": ["x", "y"]}),
    "gaps close": (b"a[20]=z&a[3]=b", {"a": ["b", "z"]}),
    "index and end": (b"a[1]=x&a[]=y", {"a": ["x", "y"]}),
    "list of objects": (b"a[0][x]=1&a[0][y]=2&a[1][x]=3", {"a": [{"x": "1", "y": "2"}, {"x": "3"}]}),
    "list in object": (b"a[b][]=1&a[b][]=2", {"a": {"b": ["1", "2"]}}),
    "repeated nested": (b"a[b]=1&a[b]=2", {"a": {"b": ["1", "2"]}}),
    "five levels": (b"a[b][c][d][e][f]=1", {"a": {"b": {"c": {"d": {"e": {"f": "1"}}}}}}),
    "number with zero in front is an index, too": (b"a[00]=x", {"a": ["x"]}),
    "superscript is a name": ("a[²]=x".encode(), {"a": {"²": "x"}}),
    "256 parameters": (b"&".join(b"a=1" for _ in range(256)), {"a": ["1"] * 256}),
    "200 items": (b"&".join(b"a[]=1" for _ in range(200)), {"a": ["1"] * 200}),
}


@pytest.mark.parametrize(("raw", "expected"), QUERIES.values(), ids=QUERIES.keys())
def test_queries(raw: bytes, expected: dict[str, Any]) -> None:
    assert parse_query(raw, LIMITS) == expected
    assert parse_urlencoded(raw, LIMITS) == expected


BAD_QUERIES = {
    "operator (A01)": b"a[$ne]=1",
    "operator, escaped (A01)": b"a%5B%24ne%5D=1",
    "operator, deep (A01)": b"a[b][$gt][c]=1",
    "operator as name": b"$where=1",
    "operator as name of a branch": b"$or[0]=1",
    "operator, escaped name": b"%24where=1",
    "__proto__ (A03)": b"__proto__=1",
    "__proto__ nested": b"a[__proto__][x]=1",
    "__proto__ as branch": b"__proto__[x]=1",
    "constructor (A10)": b"b=1&constructor=1",
    "constructor nested": b"constructor[prototype][x]=1",
    "prototype, escaped": b"%70rototype=1",
    "NUL in a name": b"a%00=1",
    "NUL in a nested name": b"a[b%00]=1",
    "bad escape": b"a=%zz",
    "cut escape": b"a=%4",
    "lone percent": b"100%=1",
    "escape in a name": b"%G1=1",
    "invalid UTF-8": b"a=%ff",
    "raw invalid UTF-8": b"a=\xff",
    "overlong UTF-8": b"a=%c0%af",
    "surrogate in UTF-8": b"a=%ed%a0%80",
    "open bracket": b"a[b=1",
    "closing bracket": b"a]=1",
    "text behind brackets": b"a[b]c=1",
    "nothing before brackets": b"[a]=1",
    "brackets in brackets": b"a[[b]]=1",
    "six levels": b"a[b][c][d][e][f][g]=1",
    "index 21": b"a[21]=1",
    "huge index": b"a[99999999999999999999]=1",
    "value and branch": b"a=1&a[b]=2",
    "branch and value": b"a[b]=2&a=1",
    "nested value and branch": b"a[b]=1&a[b][c]=2",
    "nested branch and value": b"a[b][c]=2&a[b]=1",
    "indexes and names": b"a[0]=1&a[b]=2",
    "names and end": b"a[b]=2&a[]=1",
    "257 parameters": b"&".join(b"a=1" for _ in range(257)),
    "257 parameters, escaped": b"&".join(b"a=%20" for _ in range(257)),
}


@pytest.mark.parametrize("raw", BAD_QUERIES.values(), ids=BAD_QUERIES.keys())
def test_a01_a03_val_3_queries_that_are_refused(raw: bytes) -> None:
    for parse in (parse_query, parse_urlencoded):
        with pytest.raises(BadRequest) as caught:
            parse(raw, LIMITS)
        assert caught.value.msg


def test_val_3_long_texts_in_forms_are_refused() -> None:
    assert parse_urlencoded(b"a=" + b"x" * 65_536 + b"&b=" + b"y" * 65_536, LIMITS).keys() == {"a", "b"}
    for raw in (b"a=" + b"x" * 65_537, b"x" * 65_537 + b"=1"):
        with pytest.raises(BadRequest):
            parse_urlencoded(raw, LIMITS)
