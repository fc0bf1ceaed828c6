"""NOSQL-1: what clients send to become part of a query: operators in every shape, odd keys, values of other types."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from tests.attack.payloads import JSON_VALUES, TEXT_VALUES

OPERATORS = [
    "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$and", "$or", "$nor", "$not", "$exists", "$type", "$mod",
    "$regex", "$options", "$where", "$expr", "$function", "$accumulator", "$jsonSchema", "$text", "$search", "$comment",
    "$natural", "$all", "$elemMatch", "$size", "$near", "$geoWithin", "$rand", "$sampleRate", "$lookup", "$out", "$merge",
    "$unionWith", "$set", "$unset", "$inc", "$push", "$rename", "$literal", "$slice", "$meta", "$query", "$orderby", "$$ROOT",
]  # fmt: skip
ODD_KEYS = [
    "a.$ne", "name.$gt", "secret.x", "notes.a.b", ".", "..", "", "\0", "$", "a\0b", "$\0ne", "＄ne", "﹩ne", "\u200b$ne",
    "__proto__", "constructor", "prototype", "constructor.prototype", "__proto__.x", "__class__", "toString", "$ ne", " $ne",
]  # fmt: skip


def _shapes(key: str) -> list[Any]:
    return [{key: ""}, {"a": {key: [None]}}, [{key: 1}], {"a": 1, "b": [{"c": [{key: {}}]}]}]


#: JSON, for a place where a value is expected
JSON: list[bytes] = [
    *(json.dumps(shape).encode() for key in (*OPERATORS, *ODD_KEYS) for shape in _shapes(key)),
    *(b'{"\\u0024%b": null}' % key[1:].encode() for key in OPERATORS),
    *JSON_VALUES.values(),
]
#: the end of a parameter's name and its value: `name` + this
BRACKETS: list[str] = [
    f"{name}={value}"
    for key in (*OPERATORS, *ODD_KEYS)
    for name, value in (
        (f"[{quote(key)}]", ""),
        (f"[{key.replace('$', '%24').encode('ascii', 'ignore').decode()}][]", "1"),
        (f"[a][{quote(key)}]", "alice"),
    )
    if "\0" not in name
]
#: plain text, for paths, headers and parameters
TEXTS: list[str] = [*TEXT_VALUES.values(), *OPERATORS, *(json.dumps({key: ""}) for key in OPERATORS)]
