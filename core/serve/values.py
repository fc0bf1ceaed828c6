"""The gate for values: JSON bodies, query strings and form bodies, under one set of rules.

In: bytes as received. Out: plain Python values that mean the same to whoever reads them; or a 400. Refused are
keys that start with `$`, contain NUL, or are `__proto__`, `constructor` or `prototype`; in JSON also what orjson
refuses, keys that occur twice in an object, integers outside 64 bits, numbers of more than 40 digits, and whatever
exceeds `Limits`. Before it: `gate.py`; after it: the checks of `schema/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import orjson

from core.errors import BadRequest
from core.settings import Limits

_FORBIDDEN: Final = frozenset({"__proto__", "constructor", "prototype"})
_INT_MIN: Final = -(2**63)
_INT_MAX: Final = 2**63 - 1
_LONG_NUMBER: Final = re.compile(rb"-?[0-9][0-9.eE+-]{18,}")
_TO_ZEROS: Final = bytes(48 if byte in b"0123456789" else 32 for byte in range(256))
# Without so many digits in a row, integers fit into 64 bits, and the three parts of a number have 39 digits at most.
_ZEROS: Final = b"0" * 14

_PLAIN_QUERY: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!'()*,:@/?;=& "
_BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_BRACKETED: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\]){1,5})")
_INDEX_MAX: Final = 20


def parse_json(raw: bytes, limits: Limits, declared: Mapping[str, int] = MappingProxyType({})) -> Any:
    """A JSON object or array; scalars at the top are refused, as in mia.js.

    `declared` names fields whose texts may be longer than `text_bytes`, with the bytes that they may have.

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
    keys = _check_tree(value, limits, check_keys=b"$" in raw or b"\\" in raw)
    # A colon follows each key: where there are more, orjson dropped a key, or they stand in texts.
    if keys != raw.count(b":") or _ZEROS in raw.translate(_TO_ZEROS):
        structure = _strip_texts(raw)
        if keys != structure.count(b":"):
            raise BadRequest(msg="The body contains an object in which a key occurs twice.")
        _check_numbers(structure)
    if len(raw) > limits.text_bytes:
        check_texts(value, limits.text_bytes, declared)
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


def _check_tree(value: Any, limits: Limits, *, check_keys: bool) -> int:
    """Check the containers level by level; returns how many keys they have."""
    depth = keys = items = 0
    level = [value]
    while level:
        depth += 1
        if depth > limits.json_depth:
            raise BadRequest(msg=f"The body is nested more than {limits.json_depth} levels deep.")
        inner: list[Any] = []
        for container in level:
            if type(container) is dict:
                keys += len(container)
                if check_keys or not _FORBIDDEN.isdisjoint(container):
                    _check_keys(container)
                members: Iterable[Any] = container.values()
            else:
                items += len(container)
                members = container
            if keys > limits.json_keys or items > limits.json_items:  # before its members are looked at
                raise BadRequest(msg=f"The body has over {limits.json_keys} keys or {limits.json_items} list items.")
            # By identity: a set would have to hash every type.
            inner += [item for item in members if type(item) is dict or type(item) is list]
        level = inner
    return keys


def _check_keys(keys: Iterable[str]) -> None:
    for key in keys:
        if key[:1] == "$" or key in _FORBIDDEN or "\0" in key:
            raise BadRequest(msg="A key starts with $, contains NUL, or is a reserved name.")


def check_texts(value: Any, text_bytes: int, declared: Mapping[str, int]) -> None:
    """Check the length of every text, keys included; what a field declares holds for the items of its list, too.

    Raises:
        BadRequest: one is too long.
    """
    left = [(value, text_bytes)]
    while left:
        value, most = left.pop()
        if type(value) is str:
            if len(value) * 4 > most and len(value.encode()) > most:
                raise BadRequest(msg=f"A text is longer than {most} bytes.")
        elif type(value) is dict:
            left += [(name, text_bytes) for name in value]
            left += [(item, declared.get(name, text_bytes)) for name, item in value.items()]
        elif type(value) is list:
            left += [(item, most) for item in value]


def _check_numbers(structure: bytes) -> None:
    for number in _LONG_NUMBER.findall(structure):
        if len(number.translate(None, b".eE+-")) > 40:
            raise BadRequest(msg="The body contains a number of more than 40 digits.")
        if not number.translate(None, b"0123456789-") and not _INT_MIN <= int(number) <= _INT_MAX:
            raise BadRequest(msg="The body contains an integer outside 64 bits.")


def parse_urlencoded(raw: bytes, limits: Limits, declared: Mapping[str, int] = MappingProxyType({})) -> dict[str, Any]:
    """The values of a form body; the same rules as for a query, and the bounds of texts as in JSON."""
    value = parse_query(raw, limits)
    check_texts(value, limits.text_bytes, declared)  # not many: they count as parameters
    return value


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
    raw = raw.replace(b"+", b" ").replace(b"%20", b" ")  # mostly there is no other escape
    if not raw.translate(None, _PLAIN_QUERY):
        pieces = raw.decode("ascii").split("&")
        values: dict[str, Any] = {name: text for name, _, text in [piece.partition("=") for piece in pieces]}
        if len(values) == len(pieces) and "" not in values and _FORBIDDEN.isdisjoint(values):
            return values
    pairs = (part.partition(b"=") for part in raw.split(b"&") if part)
    return build_form((_unescape(name), _unescape(value)) for name, _, value in pairs)


def build_form(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Names and values as a tree, by the rules of `parse_query`; `BadRequest` for names that break them."""
    result: dict[str, Any] = {}
    for name, value in pairs:
        _insert(result, name, value)
    return {name: _settle(value) for name, value in result.items()}


def _unescape(part: bytes) -> str:
    if b"%" in part:
        if _BAD_ESCAPE.search(part):
            raise BadRequest(msg="A parameter contains an incomplete percent escape.")
        part = unquote_to_bytes(part)
    try:
        return part.decode()
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
