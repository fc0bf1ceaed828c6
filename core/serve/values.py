"""The gate for values: JSON bodies, query strings and form bodies, under one set of rules.

In: bytes as received. Out: plain Python values that mean the same to whoever reads them; or a 400. Nothing
that leaves here can be a database operator. Before it: `gate.py`; after it: the checks of `schema/`.

Refused everywhere: keys that start with `$`, contain NUL, or are `__proto__`, `constructor` or `prototype`.
In JSON also: what orjson refuses (NaN, infinite numbers, lone surrogates, byte order marks, other encodings
than UTF-8, trailing data), keys that occur twice in an object, integers outside 64 bits, numbers of more than
40 digits, and whatever exceeds `Limits`. `.` in keys is allowed here: only stored documents do without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import orjson

from core.errors import BadRequest
from core.settings import Limits

_FORBIDDEN: Final = frozenset({"__proto__", "constructor", "prototype"})
_INT_MIN: Final = -(2**63)
_INT_MAX: Final = 2**63 - 1
_DIGITS_MAX: Final = 40
_LONG_NUMBER: Final = re.compile(rb"-?[0-9][0-9.eE+-]{18,}")

_PLAIN_QUERY: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!'()*,:@/?;=&"
_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_BRACKETED: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])+)")
_DEPTH_MAX: Final = 5
_INDEX_MAX: Final = 20


class _Branch(dict[str | int, Any]):
    """A nested name while the query is read; becomes a list when its keys are numbers, else a dict."""


def parse_json(raw: bytes, limits: Limits) -> Any:
    """A JSON object or array; scalars at the top are refused, as in mia.js.

    Args:
        raw: the body.
        limits: `json_depth`; `json_keys` and `json_items` in total; `text_bytes` for each text and key.

    Raises:
        BadRequest: for everything the module refuses.
    """
    if len(raw) > limits.json_keys + limits.json_items:
        _check_amount(raw, limits.json_keys + limits.json_items)
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadRequest(msg=f"The body is not valid JSON: {error.msg}.") from None
    if type(value) is not dict and type(value) is not list:
        raise BadRequest(msg="The body must be a JSON object or array.")
    keys, has_floats = _check_tree(value, raw, limits)
    structure = b""
    # As many colons as keys: each follows a key, and no key was dropped. Else they are counted without texts.
    if keys != raw.count(b":"):
        structure = _strip_texts(raw)
        if keys != structure.count(b":"):
            raise BadRequest(msg="The body contains an object in which a key occurs twice.")
    if has_floats:  # orjson reads integers beyond 64 bits as floats
        _check_numbers(structure or _strip_texts(raw))
    return value


def _check_amount(raw: bytes, most: int) -> None:
    """Refuse a long body with too many members before it is read: making the objects is what takes time."""
    structure = raw
    if _count_members(raw) > most:
        structure = _strip_texts(raw)
    if _count_members(structure) > most:
        raise BadRequest(msg=f"The body has more than {most} keys and list items.")


def _count_members(text: bytes) -> int:
    """No more than there are keys and items, in valid JSON without its texts; maybe more where texts are in it."""
    # A member follows a comma or an opening bracket, and each container but the first is a member, too.
    return max(text.count(b","), text.count(b"[") + text.count(b"{") - 1)


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
                if keys > limits.json_keys:  # asked before the members are looked at: that is the costly part
                    raise BadRequest(msg=f"The body has more than {limits.json_keys} keys.")
                if check_keys:
                    _check_keys(container)
                if text_bytes:
                    _check_texts(container, text_bytes)
                has_floats |= _check_members(container.values(), inner, text_bytes)
            else:
                items += len(container)
                if items > limits.json_items:
                    raise BadRequest(msg=f"The body has more than {limits.json_items} list items.")
                has_floats |= _check_members(container, inner, text_bytes)
        level = inner
    return keys, has_floats


def _check_members(members: Iterable[Any], inner: list[Any], text_bytes: int) -> bool:
    """Check the values of one container; containers among them go to `inner`."""
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


def _strip_texts(raw: bytes) -> bytes:
    """Valid JSON without what stands between quotes: only its structure, numbers and literals are left."""
    # A run of backslashes starts with an escape: taken in pairs, what is left over escapes the next byte.
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(raw.split(b'"')[::2])


def _check_numbers(structure: bytes) -> None:
    for number in _LONG_NUMBER.findall(structure):
        if len(number.translate(None, b".eE+-")) > _DIGITS_MAX:
            raise BadRequest(msg=f"The body contains a number of more than {_DIGITS_MAX} digits.")
        if not number.translate(None, b"0123456789-") and not _INT_MIN <= int(number) <= _INT_MAX:
            raise BadRequest(msg="The body contains an integer outside 64 bits.")


def refuse_operators(value: Any) -> None:
    """Refuse forbidden keys at any depth of a value that did not come through one of the parsers.

    Raises:
        BadRequest: one was found.
    """
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, Mapping):
            _check_keys(item)
            pending.extend(item.values())
        elif isinstance(item, (list, tuple)):
            pending.extend(item)


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
        return _parse_escaped(raw)
    result: dict[str, Any] = {}
    for part in raw.decode("ascii").split("&"):
        name, _, value = part.partition("=")
        if name in result:
            _repeat(result, name, value)
        elif part:
            result[name] = value
    if not _FORBIDDEN.isdisjoint(result):
        _check_keys(result)
    return result


def parse_urlencoded(raw: bytes, limits: Limits) -> dict[str, Any]:
    """The values of a form body; the same rules as for a query, and `text_bytes` for each text.

    Raises:
        BadRequest: see `parse_query`.
    """
    if len(raw) > limits.text_bytes:
        for part in re.split(rb"[&=]", raw):
            if len(part) > limits.text_bytes:
                raise BadRequest(msg=f"A text is longer than {limits.text_bytes} bytes.")
    return parse_query(raw, limits)


def _parse_escaped(raw: bytes) -> dict[str, Any]:
    result: dict[str, Any] = {}
    nested = False
    for part in raw.split(b"&"):
        name, _, value = (_unescape(piece) for piece in part.partition(b"="))
        if "[" in name or "]" in name:
            nested = True
            _insert(result, name, value)
        elif part:
            _check_keys((name,))
            if name in result:
                _repeat(result, name, value)
            else:
                result[name] = value
    return {name: _settle(value) for name, value in result.items()} if nested else result


def _unescape(piece: bytes) -> str:
    try:
        text = piece.decode("utf-8")
        if "+" in text:
            text = text.replace("+", " ")
        if "%" in text:
            if _ESCAPE.search(text):
                raise BadRequest(msg="A parameter contains an incomplete percent escape.")
            text = unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest(msg="A parameter is not valid UTF-8.") from None
    return text


def _repeat(target: dict[Any, Any], key: str | int, value: str) -> None:
    known = target[key]
    if isinstance(known, _Branch):
        raise BadRequest(msg="A parameter is used both with and without brackets.")
    target[key] = [*known, value] if isinstance(known, list) else [known, value]


def _insert(result: dict[str, Any], name: str, value: str) -> None:
    """Put `a[b][0]` into the tree under construction."""
    match = _BRACKETED.fullmatch(name)
    if match is None:
        raise BadRequest(msg="The brackets of a parameter are malformed.")
    names = [match[1], *match[2][1:-1].split("][")]
    if len(names) - 1 > _DEPTH_MAX:
        raise BadRequest(msg=f"A parameter is nested more than {_DEPTH_MAX} levels deep.")
    _check_keys(names)
    branch: dict[Any, Any] = result
    key: str | int = match[1]
    for step in names[1:]:
        following = branch.setdefault(key, _Branch())
        if not isinstance(following, _Branch):
            raise BadRequest(msg="A parameter is used both with and without brackets.")
        branch, key = following, _branch_key(step, following)
    if key in branch:
        _repeat(branch, key, value)
    else:
        branch[key] = value


def _branch_key(step: str, branch: _Branch) -> str | int:
    """`[]` is the next index, `[7]` this index, anything else a name."""
    if not step:
        key: str | int = max((known for known in branch if isinstance(known, int)), default=-1) + 1
    elif step.isascii() and step.isdigit():
        if len(step) > 2 or int(step) > _INDEX_MAX:
            raise BadRequest(msg=f"An index of a parameter is above {_INDEX_MAX}.")
        key = int(step)
    else:
        key = step
    if branch and isinstance(next(iter(branch)), int) is not isinstance(key, int):
        raise BadRequest(msg="A parameter mixes indexes and names.")
    return key


def _settle(value: Any) -> Any:
    """Branches become lists or dicts."""
    if not isinstance(value, _Branch):
        return value
    if isinstance(next(iter(value)), int):
        return [_settle(item) for _, item in sorted(value.items(), key=lambda pair: int(pair[0]))]
    return {str(name): _settle(item) for name, item in value.items()}
