"""VAL-1 on the wire: seeded nonsense for a whole server; no 5xx, no traceback, no line of level error.

In: a server and a seed. Out: how often which status was answered. What is found is printed with its bytes. Run for
5,000 requests by `test_nonsense.py`, and for minutes by `tests/chaos`.
"""

from __future__ import annotations

import random
import re
import socket
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from tests.attack.payloads import JSON_VALUES, TEXT_VALUES
from tests.server import Server

PATHS = [
    "query",
    "header",
    "path/x",
    "body",
    "form",
    "open",
    "filter",
    "accounts",
    "accounts/alice",
    "echo",
    "log",
    "overflow",
    "public/a",
    "private/a",
]
METHODS = [
    b"GET",
    b"POST",
    b"PUT",
    b"PATCH",
    b"DELETE",
    b"HEAD",
    b"OPTIONS",
    b"TRACE",
    b"CONNECT",
    b"get",
    b"\xff",
    b"",
]
HEADERS = [
    b"Content-Type: application/json", b"Content-Type: application/x-www-form-urlencoded", b"Content-Type: ;;charset=utf-16",
    b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: 99999999999999999999", b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip, chunked", b"Content-Encoding: gzip", b"Expect: 100-continue", b"Connection: close",
    b"Connection: Upgrade", b"Upgrade: websocket", b"Host: a b", b"Host:", b"Range: bytes=0-1,0-1", b"X-Name: \xff\xfe",
    b"Accept-Language: \xc3\x28,*;q=9", b"culture.code: de-\x00", b'If-None-Match: W/"', b"Accept-Encoding: gzip;q=x",
    b"Cookie: a=b; a=c", b" folded", b"No-Colon", b"X-Long: " + b"x" * 20_000,
]  # fmt: skip
PIECES = [
    *JSON_VALUES.values(),
    *(text.encode() for text in TEXT_VALUES.values()),
    b"[$ne]=1",
    b"&",
    b"=",
    b"%",
    b"%00",
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b"\\u0000",
    b"\\ud800",
    b":",
    b",",
    b"name",
    b"1e309",
    b"\r\n",
    b"\n",
    b"\x00",
    b"\xff",
]


def make_request(chance: random.Random) -> bytes:
    """A request that is nearly one: valid, then mutated; or nothing but bytes."""
    if chance.random() < 0.05:
        return chance.randbytes(chance.randint(1, 3000))
    method = chance.choice(METHODS[:5]) if chance.random() < 0.8 else chance.choice(METHODS)
    path = b"/target/" + chance.choice(PATHS).encode()
    if chance.random() < 0.4:
        path += chance.choice([b"?", b"/", b"%2f", b"?name="]) + re.sub(
            rb"[\x00-\x20\x7f-\xff]", b"%20", make_text(chance)
        )
    body = make_text(chance) if chance.random() < 0.7 else b""
    if chance.random() < 0.5:
        body = b'{"name": ' + body + b"}"
    lines = [method + b" " + path + b" HTTP/1.1", b"Host: localhost"]
    if body and chance.random() < 0.9:
        lines += [b"Content-Type: application/json", b"Content-Length: %d" % len(body)]
    lines += chance.choices(HEADERS, k=chance.choice([0, 0, 0, 0, 1, 2]))
    request = b"\r\n".join(lines) + b"\r\n\r\n" + body
    return mutate(request, chance) if chance.random() < 0.3 else request


def make_text(chance: random.Random) -> bytes:
    return b"".join(chance.choices(PIECES, k=chance.randint(1, 6)))


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Some bytes changed, left out, or repeated."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(changed))
        how = chance.randrange(3)
        if how == 0:
            changed[at] = chance.randrange(256)
        elif how == 1:
            del changed[at : at + chance.randint(1, 10)]
        else:
            changed[at:at] = changed[at : at + chance.randint(1, 200)]
        if not changed:
            break
    return bytes(changed)


def send(port: int, requests: list[bytes]) -> bytes:
    """What comes back for some requests on one connection, which is then closed for writing in any case."""
    got = b""
    with suppress(ConnectionError, TimeoutError), socket.create_connection(("127.0.0.1", port), 5) as client:
        client.settimeout(0.25)
        client.sendall(b"".join(requests))
        while piece := client.recv(65_536):
            got += piece
    return got


def send_nonsense(server: Server, seed: int, *, until: Callable[[int], bool]) -> Counter[bytes]:
    """Requests, some on one connection, from 16 clients, until `until` says so of their number.

    Returns:
        How often each status was answered; `b""` counts the requests.
    """
    chance = random.Random(seed)
    statuses: Counter[bytes] = Counter()
    log_at = len(server.output)
    with ThreadPoolExecutor(16) as threads:
        while not until(statuses[b""]):
            batch = [[make_request(chance) for _ in range(chance.randint(1, 4))] for _ in range(320)]
            statuses[b""] += sum(map(len, batch))
            answers = threads.map(lambda requests: send(server.port, requests), batch)
            for requests, answer in zip(batch, answers, strict=True):
                found = re.findall(rb"HTTP/1\.1 (\d\d\d) ", answer)
                statuses.update(found)
                assert not any(status.startswith(b"5") for status in found), (found, requests)
            assert server.get("/health/live").status == 200
            log = server.output[log_at:]
            log_at += len(log)
            assert not [line for line in log.splitlines() if "Traceback" in line or '"level":"error"' in line]
    print(f"seed {seed}: {statuses[b'']} requests, {dict(statuses)}")
    return statuses
