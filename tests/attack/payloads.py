"""Values that mean something else to a database, a template or a formatter; raw JSON, and plain text."""

from __future__ import annotations

DEEP = b"[" * 50 + b"]" * 50

#: JSON → must be refused wherever a text is expected, and match nothing where anything is
JSON_VALUES: dict[str, bytes] = {
    "ne": b'{"$ne": null}',
    "gt": b'{"$gt": ""}',
    "regex": b'{"$regex": ".*"}',
    "in": b'{"$in": ["alice", "bob"]}',
    "escaped operator": b'{"\\u0024ne": null}',
    "wide dollar": '{"＄ne": null}'.encode(),
    "operator in a list": b'[{"$ne": null}]',
    "operator below": b'{"a": {"b": [{"$where": "1"}]}}',
    "empty list": b"[]",
    "list of names": b'["alice", "bob"]',
    "empty object": b"{}",
    "object": b'{"alice": 1}',
    "empty key": b'{"": "alice"}',
    "toString": b'{"toString": ""}',
    "true": b"true",
    "false": b"false",
    "null": b"null",
    "zero": b"0",
    "1e400": b"1e400",
    "minus 1e400": b"-1e400",
    "many digits": b"1" * 400,
    "deep list": DEEP,
    "deep object": b'{"a":' * 50 + b"1" + b"}" * 50,
}

TEXT_VALUES: dict[str, str] = {
    "ne": '{"$ne":null}',
    "gt": '{"$gt":""}',
    "regex": '{"$regex":".*"}',
    "dollar": "$ne",
    "field": "$secret",
    "root": "$$ROOT",
    "pattern": ".*",
    "javascript": "'||'1'=='1",
    "list": "[]",
    "names": "alice,bob",
    "true": "true",
    "1e400": "1e400",
    "percent s": "%s%s%n%d",
    "braces": "{0.__class__.__mro__}{}",
    "template": "{{7*7}}${7*7}<%=7*7%>#{7*7}",
    "dunder": "__class__",
    "deep": "[" * 50,
    "case": "ALICE",
    "blank around": " alice ",
    "confusable": "аlice",
    "zero width": "alice\u200b",
    "script": "<script>alert(1)</script>",
}
