"""VAL-1 on the wire: seeded nonsense for a whole server; no 5xx, no traceback, no growth.

`CATENA_CHAOS_SECONDS` and `CATENA_CHAOS_SEED` say how long, and what. What is found is printed with its bytes.
"""

from __future__ import annotations

import os
import random
import re
import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from tests.attack.payloads import JSON_VALUES, TEXT_VALUES
from tests.server import Server

SECONDS = float(os.environ.get("CATENA_CHAOS_SECONDS", "300"))
SEED = int(os.environ.get("CATENA_CHAOS_SEED", "1"))

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
        client.settimeout(0.05)
        client.sendall(b"".join(requests))
        while piece := client.recv(65_536):
            got += piece
    return got


def test_VAL_1_nonsense_is_never_a_failure(target_server: Server) -> None:
    chance = random.Random(SEED)
    statuses: Counter[bytes] = Counter()
    sizes: list[int] = []
    count, end = 0, time.monotonic() + SECONDS
    log_at = len(target_server.output)
    with ThreadPoolExecutor(16) as threads:
        while time.monotonic() < end:
            batch = [[make_request(chance) for _ in range(chance.randint(1, 4))] for _ in range(320)]
            count += sum(map(len, batch))
            answers = threads.map(lambda requests: send(target_server.port, requests), batch)
            for requests, answer in zip(batch, answers, strict=True):
                found = re.findall(rb"HTTP/1\.1 (\d\d\d) ", answer)
                statuses.update(found)
                assert not any(status.startswith(b"5") for status in found), (found, requests)
            assert target_server.get("/health/live").status == 200
            sizes.append(int(Path(f"/proc/{target_server.process.pid}/statm").read_text().split()[1]) * 4096)
            log = target_server.output[log_at:]
            log_at += len(log)
            assert not [line for line in log.splitlines() if "Traceback" in line or '"level":"error"' in line]
    half = sizes[len(sizes) // 2 :]
    print(f"seed {SEED}: {count} requests, {dict(statuses)}")
    print(f"memory of the second half: {half[0] / 2**20:.1f} to {half[-1] / 2**20:.1f} MiB")
    assert statuses[b"200"] > count / 100
    assert half[-1] - half[0] <= 5 * 2**20
