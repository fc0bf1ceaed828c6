"""B09, E02, HTTP-12, HTTP-13: the same guards stand before everything that is served, open to all or not.

One server with a limit of all routes, a virtual host and a public folder; what it answers is compared over its ways.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.edge import edge_root, start_edge
from tests.rig.raw_http import RawAnswer, raw_connection
from tests.server import Server

LIMIT = 300
SETTINGS = f"rate_limit=RateLimit({LIMIT}, 3600), hosts=[Host('api', ['localhost'])], limits=Limits(target_bytes=2048)"
#: a route, a file, pages of Catena's own, a redirect, something that is not there
OPEN = ["/edge/tell", "/edge/page.txt", "/health/live", "/health/ready", "/docs", "/api-docs", "/edge/sub", "/nowhere"]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with edge_root(SETTINGS) as root:
        public = root / "projects" / "edge" / "public"
        (public / "sub").mkdir(parents=True)
        (public / ".git").mkdir()
        for name in ("page.txt", "sub/index.html", ".git/config", ".env"):
            (public / name).write_text("public" if name[0] != "." else "outside")
        (root / "outside.txt").write_text("outside")
        (public / "link.txt").symlink_to(root / "outside.txt")
        with start_edge(root) as running:
            yield running


def ask(server: Server, method: str, path: str, more: bytes = b"Host: localhost\r\n", body: bytes = b"") -> RawAnswer:
    with raw_connection(server.port) as connection:
        connection.send_bytes(f"{method} {path} HTTP/1.1\r\n".encode() + more + b"\r\n" + body)
        return connection.read(method)


HOST = b"Host: localhost\r\n"
REFUSED = {
    "no host": ("GET", "", b"", 400),
    "two hosts": ("GET", "", HOST + HOST, 400),
    "bad host": ("GET", "", b"Host: a@b\r\n", 400),
    "control character": ("GET", "", HOST + b"X-A: a\x01b\r\n", 400),
    "many headers": ("GET", "", HOST + b"".join(b"X-%d: 1\r\n" % number for number in range(120)), 431),
    "long target": ("GET", "?" + "x" * 3000, HOST, 414),
    "blank in the query": ("GET", "?a\tb", HOST, 400),
    "dot segments": ("GET", "/../../x", HOST, 400),
    "TRACE": ("TRACE", "", HOST, 405),
    "BREW": ("BREW", "", HOST, 405),
    "override": ("TRACE", "", HOST + b"X-HTTP-Method-Override: GET\r\n", 405),
}


@pytest.mark.parametrize(("method", "suffix", "more", "status"), REFUSED.values(), ids=REFUSED)
def test_b09_public_paths_have_the_same_door(
    method: str, suffix: str, more: bytes, status: int, server: Server
) -> None:
    for path in OPEN:
        answer = ask(server, method, path + suffix, more)
        assert answer.status == status, path
        assert answer.json()["errors"][0]["code"]


def test_b09_an_unknown_host_gets_nothing_but_what_is_open_on_every_one(server: Server) -> None:
    statuses = {path: ask(server, "GET", path, b"Host: evil.example\r\n").status for path in OPEN}
    assert {path for path, status in statuses.items() if status == 200} == {
        "/health/live",
        "/health/ready",
        "/docs",
        "/api-docs",
    }
    assert {status for status in statuses.values() if status != 200} == {421}


def test_b09_a_foreign_page_reads_no_public_answer(server: Server) -> None:
    for path in OPEN:
        for method in ("GET", "OPTIONS"):
            answer = ask(server, method, path, HOST + b"Origin: https://evil.example\r\n")
            assert not [name for name in answer.headers if name.startswith("access-control-")], path


def test_HTTP_13_every_kind_of_answer_is_guarded(server: Server) -> None:
    answers = [ask(server, "GET", path) for path in OPEN]
    answers += [ask(server, method, path, more) for method, path, more, _ in REFUSED.values() if path == ""]
    answers += [
        ask(server, "GET", "/edge/tell", HOST + b"Bad Header: 1\r\n"),  # refused by the parser
        ask(server, "POST", "/edge/echo", HOST + b"Content-Length: 9999999\r\n"),
        ask(server, "DELETE", "/edge/tell"),
        ask(server, "GET", "/edge/page.txt", HOST + b"Range: bytes=99-\r\n"),
    ]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff", answer
        assert not {"server", "x-powered-by", "via"} & answer.headers.keys()
        kind, policy = answer.headers.get("content-type", ""), answer.headers["content-security-policy"]
        assert answer.body == b"" or "charset=utf-8" in kind or kind == "application/json"
        if kind.startswith("application/json"):
            assert policy.startswith("default-src 'none'")
        assert "strict-transport-security" not in answer.headers  # only over TLS


def test_HTTP_12_g02_no_spelling_of_a_path_reads_outside_a_public_folder(server: Server) -> None:
    ups = [
        "..",
        "%2e%2e",
        ".%2e",
        "..%2f",
        "%252e%252e",
        "..;",
        "..%5c",
        "%c0%ae%c0%ae",
        "%ef%bc%8e%ef%bc%8e",
        "....//",
        ".",
    ]
    targets = [
        "outside.txt",
        "config/test.py",
        "projects/edge/public/.env",
        "etc/passwd",
        ".git/config",
        ".env",
        "link.txt",
    ]
    paths = [
        f"{start}{slash.join([up] * depth)}{slash}{target}{end}"
        for start in ("/edge/", "/edge/sub/")
        for up in ups
        for slash in ("/", "%2f")
        for depth in (1, 4)
        for target in targets
        for end in ("", "%00.txt")
    ]
    paths += [
        "/edge//page.txt",
        "/edge/PAGE.TXT",
        "/edge/page.txt%00",
        "/edge/.env",
        "/edge/.git/config",
        "/edge/link.txt",
    ]
    paths += ["//etc/passwd", "/edge/" + quote("/proc/self/environ", ""), "/edge/sub/.", "/edge"]
    assert len(paths) >= 500
    found = {path: answer for path in paths if (answer := ask(server, "GET", path)).status == 200}
    assert found == {}


def test_e02_no_spelling_of_a_request_gets_a_count_of_its_own(server: Server) -> None:
    """Runs last: it uses up the limit of the address."""
    with raw_connection(server.port) as connection:
        for _ in range(LIMIT + 1):
            connection.send("GET", "/edge/tell", Host="localhost")
            answer = connection.read()
        assert answer.status == 429
        assert 0 < int(answer.headers["retry-after"]) <= 3780
    spoofed = [
        b"X-Forwarded-For: 192.0.2.%d\r\n",
        b"Forwarded: for=192.0.2.%d\r\n",
        b"X-Real-IP: 192.0.2.%d\r\n",
        b"X-Forwarded-For: 10.0.0.1, 192.0.2.%d\r\nX-Forwarded-For: 192.0.2.1\r\n",
        b"True-Client-IP: 192.0.2.%d\r\n",
        b"X-HTTP-Method-Override: HEAD\r\nX-N: %d\r\n",
        b"Origin: https://%d.shop.example\r\n",
    ]
    ways = [("GET", path, HOST + header % at) for at, header in enumerate(spoofed) for path in ("/edge/tell",)]
    ways += [
        ("GET", path, HOST) for path in ("/edge/tell/", "/EDGE/Tell", "/edge/tell?x=1", "/edge/%74ell", "/edge/shop")
    ]
    ways += [(method, "/edge/open", HOST) for method in ("HEAD", "GET", "PUT", "PATCH", "DELETE")]
    ways += [("HEAD", "/edge/tell", HOST), ("GET", "/edge/tell", b"Host: LOCALHOST:80\r\n")]
    assert {way: ask(server, *way).status for way in ways} == dict.fromkeys(ways, 429)
