"""Requests that were signed and then changed: single bits, single bytes, swapped parts, other encodings.

In: a valid request and a seed. Out: changed copies, each with what was done. `same_to_v1` says whether version 1.0
cannot see the change: it puts everything into lower case (docs/howto/signed-requests.md).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from random import Random
from urllib.parse import quote, unquote

from tests.signing import Signed

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
#: what a client sends that is covered or names who signed; everything else may be added and changes nothing
COVERED = ("key", "signature-input", "signature", "content-digest")


def mutate(request: Signed, seed: int) -> Iterator[tuple[str, Signed]]:
    """Changed requests without end; never the request itself."""
    random = Random(seed)
    kinds = [_flip_bit, _change_byte, _swap_parts, _re_encode, _change_method, _change_key]
    while True:
        kind = random.choice(kinds)
        done = kind(request, random)
        if done is not None and done[1] != request:
            yield done


def same_to_v1(request: Signed, changed: Signed) -> bool:
    """Whether version 1.0 sees the same request."""
    return _seen_by_v1(request) == _seen_by_v1(changed)


def _seen_by_v1(request: Signed) -> tuple[str, ...]:
    try:
        body = request.body.decode().lower()
    except UnicodeDecodeError:
        body = repr(request.body)
    key, path = (
        request.headers.get("key", ""),
        request.path.removesuffix("?") if request.path.count("?") == 1 else request.path,
    )
    host = request.headers.get("host", "testserver")
    return request.method.lower(), path.lower(), body, host.lower(), key[:74] + key[74:].lower()


def _flip_bit(request: Signed, random: Random) -> tuple[str, Signed] | None:
    return _on_bytes(request, random, lambda byte: byte ^ (1 << random.randrange(8)), "bit")


def _change_byte(request: Signed, random: Random) -> tuple[str, Signed] | None:
    return _on_bytes(request, random, lambda _: random.randrange(256), "byte")


def _on_bytes(request: Signed, random: Random, change: Callable[[int], int], what: str) -> tuple[str, Signed] | None:
    place = random.choice(
        ["path", "path", "body", "body", "host", *(name for name in COVERED if name in request.headers)]
    )
    if place == "body":
        content = bytearray(request.body)
    elif place == "path":
        content = bytearray(request.path.encode("latin-1"))
    else:
        content = bytearray(request.headers.get(place, "testserver").encode("latin-1"))
    if not content:
        return None
    at = random.randrange(len(content))
    before, content[at] = content[at], change(content[at])
    if content[at] == before:
        return None
    if place == "body":
        return f"{what} of body at {at}", request.with_(body=bytes(content))
    text = content.decode("latin-1")
    if place == "path":
        return f"{what} of path at {at}", request.with_(path=text)
    return f"{what} of {place} at {at}", request.with_headers(**{place.replace("-", "_"): text})


def _swap_parts(request: Signed, random: Random) -> tuple[str, Signed] | None:
    """Two pieces of the key, two parameters, or path and body exchange bytes."""
    choice = random.randrange(3)
    if choice == 0 and "key" in request.headers:
        key, width = request.headers["key"], random.choice([1, 8, 16, 32])
        one, two = sorted(random.sample(range(len(key) - width), 2))
        if two - one < width:
            return None
        swapped = (
            key[:one] + key[two : two + width] + key[one + width : two] + key[one : one + width] + key[two + width :]
        )
        return f"key {one}<->{two} x{width}", request.with_headers(key=swapped)
    path, mark, query = request.path.partition("?")
    if choice == 1 and "&" in query:
        parts = query.split("&")
        random.shuffle(parts)
        return "order of parameters", request.with_(path=f"{path}?{'&'.join(parts)}")
    if choice == 2 and request.body:
        count = random.randrange(1, len(request.body))
        moved = quote(request.body[:count].decode("latin-1"), safe="")
        return f"{count} bytes from body to path", request.with_(
            path=path + moved + mark + query, body=request.body[count:]
        )
    return None


def _re_encode(request: Signed, random: Random) -> tuple[str, Signed] | None:
    """The same request to a lenient reader, in other bytes."""
    path, mark, query = request.path.partition("?")
    at = random.randrange(1, len(path))
    choices: list[tuple[str, Signed]] = [
        ("escaped letter", request.with_(path=f"{path[:at]}%{ord(path[at]):02X}{path[at + 1 :]}{mark}{query}")),
        ("double slash", request.with_(path=f"{path[:at]}/{path[at:]}{mark}{query}")),
        ("dot segment", request.with_(path=f"{path}/.{mark}{query}")),
        ("trailing slash", request.with_(path=f"{path}/{mark}{query}")),
        ("another parameter", request.with_(path=f"{path}?{query}{'&' * bool(query)}x={at}")),
        ("unescaped", request.with_(path=unquote(path, "latin-1") + mark + query)),
        ("a port", request.with_headers(host="testserver:8080")),
        ("a dot after the host", request.with_headers(host="testserver.")),
    ]
    if request.body:
        value = json.loads(request.body)
        choices += [
            ("JSON with blanks", request.with_(body=json.dumps(value, indent=random.randrange(1, 5)).encode())),
            ("JSON with another order", request.with_(body=json.dumps(dict(reversed(value.items()))).encode())),
            ("JSON with escapes", request.with_(body=request.body.replace(b"e", b"\\u0065"))),
            ("a line feed after the body", request.with_(body=request.body + b"\n" * random.randrange(1, 9))),
            ("no body", request.with_(body=b"").with_headers(content_type=None)),
        ]
    else:
        choices.append(("a body", request.with_(body=b'{"a":%d}' % at).with_headers(content_type="application/json")))
    return random.choice(choices)


def _change_method(request: Signed, random: Random) -> tuple[str, Signed]:
    method = random.choice(METHODS)
    return f"method {method}", request.with_(method=method)


def _change_key(request: Signed, random: Random) -> tuple[str, Signed] | None:
    """Parts of who, when and once, replaced."""
    name = random.choice([name for name in COVERED if name in request.headers])
    value = request.headers[name]
    at = random.randrange(len(value))
    changes = {
        "cut": value[:at],
        "repeated": value[:at] + value[at] + value[at:],
        "left out": value[:at] + value[at + 1 :],
        "twice": f"{value}, {value}",
        "reversed": value[::-1],
        "none": None,
    }
    what = random.choice(list(changes))
    return f"{name} {what}", request.with_headers(**{name.replace("-", "_"): changes[what]})
