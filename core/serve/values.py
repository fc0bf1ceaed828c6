"""The gate for values: JSON bodies, query strings and form bodies, under one set of rules.

In: bytes as received. Out: plain Python values that mean the same to whoever reads them; or a 400. Refused are
keys that start with `$`, contain NUL, or are `__proto__`, `constructor` or `prototype`; in JSON also what orjson
refuses, keys that occur twice in an object, integers outside 64 bits, numbers of more than 40 digits, and whatever
exceeds `Limits`. Before it: `gate.py`; after it: the checks of `schema/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import orjson

from core.errors import BadRequest
from core.settings import Limits

_FORBIDDEN: Final = frozenset({"__proto__", "constructor", "prototype"})
_INT_MIN: Final = -(2**63)
_INT_MAX: Final = 2**63 - 1
_LONG_NUMBER: Final = re.compile(rb"-?[0-9][0-9.eE+-]{18,}")

_PLAIN_QUERY: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!'()*,:@/?;=&"
_BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_BRACKETED: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\]){1,5})")
_INDEX_MAX: Final = 20


def parse_json(raw: bytes, limits: Limits) -> Any:
    """A JSON object or array; scalars at the top are refused, as in mia.js.

    Raises:
        BadRequest: for everything the module refuses.
    """
    most = limits.json_keys + limits.json_items
    # Refused before it is read: making the objects is what takes time.
    if len(raw) > most and _count_members(raw) > most and _count_members(_strip_texts(raw)) > most:
        raise BadRequest(msg=f"The body has more than {most} keys and list items.")
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadRequest(msg=f"The body is not valid JSON: {error.msg}.") from None
    if type(value) is not dict and type(value) is not list:
        raise BadRequest(msg="The body must be a JSON object or array.")
    keys, has_floats = _check_tree(value, raw, limits)
    # As many colons as keys: each follows a key, and no key was dropped. Else they are counted without texts.
    # orjson reads integers beyond 64 bits as floats.
    if has_floats or keys != raw.count(b":"):
        structure = _strip_texts(raw)
        if keys != structure.count(b":"):
            raise BadRequest(msg="The body contains an object in which a key occurs twice.")
        if has_floats:
            _check_numbers(structure)
    return value


def _count_members(text: bytes) -> int:
    """No less than there are keys and items in valid JSON; maybe more where texts are in it."""
    # A member follows a comma or an opening bracket, and each container but the first is a member, too.
    return max(text.count(b","), text.count(b"[") + text.count(b"{") - 1)


def _strip_texts(raw: bytes) -> bytes:
    """Valid JSON without what stands between quotes: only its structure, numbers and literals are left."""
    # A run of backslashes starts with an escape: taken in pairs, what is left over escapes the next byte.
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(raw.split(b'"')[::2])


def _check_tree(value: Any, raw: bytes, limits: Limits) -> tuple[int, bool]:
    """Check all containers level by level; returns how many keys there are, and whether floats occur."""
    # Where none of these occurs in the text, no key can be a forbidden one.
    check_keys = b"$" in raw or b"\\u" in raw or b"proto" in raw or b"constructor" in raw
    text_bytes = limits.text_bytes if len(raw) > limits.text_bytes else 0  # 0: no text can be too long
    depth = keys = items = 0
    has_floats = False
    level = [value]
    while level:
        depth += 1
        if depth > limits.json_depth:
            raise BadRequest(msg=f"The body is nested more than {limits.json_depth} levels deep.")
        inner: list[Any] = []
        for container in level:
            if type(container) is dict:
                keys += len(container)
                members: Iterable[Any] = container.values()
            else:
                items += len(container)
                members = container
            if keys > limits.json_keys or items > limits.json_items:  # before its members are looked at
                raise BadRequest(msg=f"The body has over {limits.json_keys} keys or {limits.json_items} list items.")
            if members is not container:
                if check_keys:
                    _check_keys(container)
                if text_bytes:
                    _check_texts(container, text_bytes)
            has_floats |= _check_members(members, inner, text_bytes)
        level = inner
    return keys, has_floats


def _check_members(members: Iterable[Any], inner: list[Any], text_bytes: int) -> bool:
    """Check the values of one container; containers among them go to `inner`. Whether there are floats."""
    has_floats = False
    for item in members:
        kind = type(item)
        if kind is str:
            if text_bytes:
                _check_texts((item,), text_bytes)
        elif kind is int:
            if not _INT_MIN <= item <= _INT_MAX:
                raise BadRequest(msg="The body contains an integer outside 64 bits.")
        elif kind is dict or kind is list:
            inner.append(item)
        elif kind is float:
            has_floats = True
    return has_floats


def _check_keys(keys: Iterable[str]) -> None:
    for key in keys:
        if key[:1] == "$" or key in _FORBIDDEN or "\0" in key:
            raise BadRequest(msg="A key starts with $, contains NUL, or is a reserved name.")


def _check_texts(texts: Iterable[str], text_bytes: int) -> None:
    for text in texts:
        if len(text) > text_bytes or (4 * len(text) > text_bytes and len(text.encode()) > text_bytes):
            raise BadRequest(msg=f"A text is longer than {text_bytes} bytes.")


def _check_numbers(structure: bytes) -> None:
    for number in _LONG_NUMBER.findall(structure):
        if len(number.translate(None, b".eE+-")) > 40:
            raise BadRequest(msg="The body contains a number of more than 40 digits.")
        if not number.translate(None, b"0123456789-") and not _INT_MIN <= int(number) <= _INT_MAX:
            raise BadRequest(msg="The body contains an integer outside 64 bits.")


def parse_urlencoded(raw: bytes, limits: Limits) -> dict[str, Any]:
    """The values of a form body; the same rules as for a query, and `text_bytes` for each text."""
    if len(raw) > limits.text_bytes and max(map(len, re.split(rb"[&=]", raw))) > limits.text_bytes:
        raise BadRequest(msg=f"A text is longer than {limits.text_bytes} bytes.")
    return parse_query(raw, limits)


def parse_query(raw: bytes, limits: Limits) -> dict[str, Any]:
    """The values of a query string; a repeated name gives a list.

    `a[b]=1` gives `{"a": {"b": "1"}}`, `a[]=1` and `a[0]=1` give `{"a": ["1"]}`, up to 5 levels and index 20;
    gaps between indexes close. A name is used in one of these ways only.

    Raises:
        BadRequest: too many parameters, bad escapes or UTF-8, malformed brackets, forbidden names.
    """
    if not raw:
        return {}
    if raw.count(b"&") >= limits.query_params:
        raise BadRequest(msg=f"There are more than {limits.query_params} parameters.")
    if raw.translate(None, _PLAIN_QUERY):
        parts = [_unescape(part) for part in raw.split(b"&") if part]
    else:
        pieces = raw.decode("ascii").split("&")
        values = {}
        for piece in pieces:
            name, _, values[name] = piece.partition("=")
        if len(values) == len(pieces) and "" not in values and _FORBIDDEN.isdisjoint(values):
            return values
        parts = [piece.partition("=") for piece in pieces if piece]
    return build_form((name, value) for name, _, value in parts)


def build_form(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Names and values as a tree, by the rules of `parse_query`; `BadRequest` for names that break them."""
    result: dict[str, Any] = {}
    for name, value in pairs:
        _insert(result, name, value)
    return {name: _settle(value) for name, value in result.items()}


def _unescape(part: bytes) -> tuple[str, str, str]:
    if b"%" in part and _BAD_ESCAPE.search(part):
        raise BadRequest(msg="A parameter contains an incomplete percent escape.")
    name, equals, value = part.replace(b"+", b" ").partition(b"=")
    try:
        return unquote_to_bytes(name).decode(), equals.decode(), unquote_to_bytes(value).decode()
    except UnicodeDecodeError:
        raise BadRequest(msg="A parameter is not valid UTF-8.") from None


class _Branch(dict[Any, Any]):
    """A nested name while the query is read; becomes a list when its keys are numbers, else a dict."""


def _insert(result: dict[Any, Any], name: str, value: Any) -> None:
    """Put `a`, `a[b][0]` or `a[]` into the tree under construction."""
    names = [name]
    if "[" in name or "]" in name:
        match = _BRACKETED.fullmatch(name)
        if match is None:
            raise BadRequest(msg="The brackets of a parameter are malformed or nested more than 5 levels deep.")
        names = [match[1], *match[2][1:-1].split("][")]
    _check_keys(names)
    branch: dict[Any, Any] = result
    key: str | int = names[0]
    for step in names[1:]:
        branch = branch.setdefault(key, _Branch())
        if not isinstance(branch, _Branch):
            raise BadRequest(msg="A parameter is used both with and without brackets.")
        key = _read_step(step, branch)
    known = branch.get(key)
    if isinstance(known, _Branch):
        raise BadRequest(msg="A parameter is used both with and without brackets.")
    branch[key] = value if known is None else [*known, value] if isinstance(known, list) else [known, value]


def _read_step(step: str, branch: _Branch) -> str | int:
    """`[]` is the next index, `[7]` this index, anything else a name."""
    key: str | int = step
    if not step:
        key = max((known for known in branch if isinstance(known, int)), default=-1) + 1
    elif step.isascii() and step.isdigit():
        key = int(step) if len(step) <= 2 else _INDEX_MAX + 1
        if key > _INDEX_MAX:
            raise BadRequest(msg=f"An index of a parameter is above {_INDEX_MAX}.")
    if branch and type(next(iter(branch))) is not type(key):
        raise BadRequest(msg="A parameter mixes indexes and names.")
    return key


def _settle(value: Any) -> Any:
    """Branches become lists or dicts."""
    if not isinstance(value, _Branch):
        return value
    if isinstance(next(iter(value)), int):
        return [_settle(value[index]) for index in sorted(value)]
    return {name: _settle(item) for name, item in value.items()}
