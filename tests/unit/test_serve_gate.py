"""The first look at a request: targets, methods, headers and hosts, by tables and at random."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadRequest, Forbidden, HeadersTooLarge, HTTPError, MethodNotAllowed, NotFound, UriTooLong
from core.serve import gate
from core.serve.gate import METHODS, check_headers, check_host, check_request_line
from core.settings import Limits

LIMITS = Limits()


def check(path: bytes, query: bytes = b"", method: str = "GET", limits: Limits = LIMITS) -> str:
    return check_request_line(method, path, query, limits)


# Paths

READ = {
    b"/": "/",
    b"/demo/v1/todo": "/demo/v1/todo",
    b"/demo/v1/todo/": "/demo/v1/todo/",
    b"/a.b/c..d/e.": "/a.b/c..d/e.",
    b"/.well-known/x": "/.well-known/x",
    b"/...": "/...",
    b"/a~b!$&'()*+,=:@c": "/a~b!$&'()*+,=:@c",
    b"/a;b=c": "/a;b=c",
    b"/a%20b": "/a b",
    b"/%61": "/a",
    b"/%C3%A4": "/ä",
    "/ä".encode(): "/ä",
    b"/%2561": "/%61",
    b"/%252f": "/%2f",
    b"/%252e%252e": "/%2e%2e",
    b"/a+b": "/a+b",
    b"/%23%3F": "/#?",
    b"/%EF%BC%8F": "/／",
}


@pytest.mark.parametrize(("raw", "path"), READ.items(), ids=[repr(raw) for raw in READ])
def test_http_5_paths_that_are_read(raw: bytes, path: str) -> None:
    assert check(raw) == path
    assert check(raw) == path  # from the second look on it is known


CONTROLS = [bytes([number]) for number in (*range(0x20), 0x7F)]
REFUSED = [
    *(b"/a" + control + b"b" for control in CONTROLS),
    *(b"/a%%%02x" % control[0] for control in CONTROLS),
    b"/a\\b",
    b"\\a",
    b"/a/..\\b",
    b"/a%5cb",
    b"/a%5Cb",
    b"/a%2fb",
    b"/a%2Fb",
    b"/%2f",
    b"/%2F%2Fevil",
    b"/..%2fetc",
    b"/%2e%2e%2fetc",
    b"/%00",
    b"/a%00.json",
    b"/.",
    b"/..",
    b"/./a",
    b"/../a",
    b"/a/.",
    b"/a/..",
    b"/a/./b",
    b"/a/../b",
    b"/a/../",
    b"/%2e",
    b"/%2E%2E",
    b"/a/%2e%2e/b",
    b"/a/.%2e/b",
    b"/a/%2e./b",
    b"/a/..;/b",
    b"/a/..;x=1/b",
    b"/a/%2e%2e;/b",
    b"/a/.;/b",
    b"/%",
    b"/%4",
    b"/%zz",
    b"/%u0041",
    b"/%ff",
    b"/%c0%af",
    b"/%c0%ae%c0%ae/",
    b"/%ed%a0%80",
    b"/%C3",
    b"/\xff",
    b"/\xc0\xaf",
    b"",
    b"*",
    b"a",
    b"?a",
    b"http://evil/a",
    b"evil:80",
]


@pytest.mark.parametrize("raw", REFUSED, ids=[repr(raw) for raw in REFUSED])
def test_http_5_paths_that_are_refused(raw: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        check(raw)
    assert caught.value.msg


def test_http_5_there_are_at_least_80_vectors() -> None:
    assert len(READ) + len(REFUSED) >= 80


@pytest.mark.parametrize("raw", [b"//", b"//a", b"/a//b", b"/a//", b"//evil.com/a", b"/a//%61"])
def test_http_5_empty_segments_are_not_found(raw: bytes) -> None:
    with pytest.raises(NotFound):
        check(raw)


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.sampled_from([b"/", b".", b"..", b"%2e", b"%2f", b"a", b"%", b"\\", b";", b"\0", b"\xc3", b"%c3%a4"]))
)
def test_http_5_what_passes_has_plain_segments(parts: list[bytes]) -> None:
    try:
        path = check(b"/" + b"".join(parts))
    except (BadRequest, NotFound):
        return
    assert path.startswith("/")
    assert not {"\0", "\\"} & set(path)
    segments = path[1:].split("/")
    assert all(segment not in {".", ".."} for segment in segments)
    assert all(segments[:-1])
    assert len(segments) == b"".join(parts).count(b"/") + 1


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40), st.binary(max_size=20), st.text(max_size=8))
def test_val_1_targets_raise_nothing_but_http_errors(path: bytes, query: bytes, method: str) -> None:
    for chosen in (method, "GET"):
        try:
            check(b"/" + path, query, chosen)
        except HTTPError as error:
            assert 400 <= error.status < 500


def test_val_3_the_target_is_bounded() -> None:
    assert check(b"/" + b"a" * 8_000, b"b" * 190)
    for path, query in ((b"/" + b"a" * 8_192, b""), (b"/", b"b" * 8_192), (b"/" + b"a" * 4_096, b"b" * 4_096)):
        with pytest.raises(UriTooLong):
            check(path, query)


@pytest.mark.parametrize("query", [b"a=\x00", b"a=\n", b"a=\r\nx: y", b"a b", b"\x7f", b"a\tb"])
def test_queries_with_control_characters_are_refused(query: bytes) -> None:
    with pytest.raises(BadRequest):
        check(b"/", query)


def test_known_paths_and_hosts_do_not_pile_up() -> None:
    for number in range(2_000):
        assert check(b"/%d" % number) == f"/{number}"
        assert check_host(b"h%d" % number) == f"h{number}"
    for known in (gate._decode_path, gate.check_host):
        assert known.cache_info().currsize <= 512


# Methods


@pytest.mark.parametrize("method", METHODS)
def test_methods_that_exist(method: str) -> None:
    assert check(b"/a", method=method) == "/a"


@pytest.mark.parametrize(
    "method", ["TRACE", "CONNECT", "get", "Get", "__CLASS__", "__init__", "", "GET ", "PROPFIND", "QUERY", "G\0T"]
)
def test_http_7_a11_other_methods_are_405_with_allow(method: str) -> None:
    with pytest.raises(MethodNotAllowed) as caught:
        check(b"/a", method=method)
    assert caught.value.headers["Allow"] == "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"


# Headers


def test_headers_by_name() -> None:
    headers = [(b"host", b"a"), (b"x-one", b"1"), (b"x-two", "ä\t".encode("latin-1"))]
    assert check_headers(headers, LIMITS) == {b"host": b"a", b"x-one": b"1", b"x-two": b"\xe4\t"}


def test_d05_repeated_headers_are_joined() -> None:
    headers = [(b"key", b"1"), (b"cookie", b"a=1"), (b"key", b"2"), (b"cookie", b"b=2"), (b"key", b"3")]
    assert check_headers(headers, LIMITS) == {b"key": b"1, 2, 3", b"cookie": b"a=1; b=2"}


BAD_HEADERS = {
    "NUL in a value": (b"x", b"a\0b"),
    "line feed in a value": (b"x", b"a\nb: c"),
    "carriage return in a value": (b"x", b"a\rb"),
    "escape in a value": (b"x", b"\x1b[0m"),
    "DEL in a value": (b"x", b"\x7f"),
    "no name": (b"", b"a"),
    "blank in a name": (b"x y", b"a"),
    "blank behind a name": (b"x ", b"a"),
    "colon in a name": (b"x:", b"a"),
    "line feed in a name": (b"x\n", b"a"),
    "umlaut in a name": (b"\xe4", b"a"),
    "upper case, which ASGI does not send": (b"X", b"a"),
    "a coding that nobody unpacks": (b"transfer-encoding", b"gzip, chunked"),
    "a coding that is none": (b"transfer-encoding", b"identity"),
}


@pytest.mark.parametrize("header", BAD_HEADERS.values(), ids=BAD_HEADERS.keys())
def test_headers_that_are_refused(header: tuple[bytes, bytes]) -> None:
    for headers in ([(b"host", b"a"), header], [(b"y", b"1"), header, (b"y", b"2")]):
        with pytest.raises(BadRequest):
            check_headers(headers, LIMITS)


def test_f02_chunks_are_read_in_any_case() -> None:
    check_headers([(b"transfer-encoding", b"Chunked")], LIMITS)


@pytest.mark.parametrize("value", [b"websocket", b"WebSocket"])
def test_nobody_gets_a_websocket(value: bytes) -> None:
    with pytest.raises(Forbidden):
        check_headers([(b"upgrade", value)], Limits())
    assert check_headers([(b"upgrade", b"h2c")], Limits())


def test_http_2_headers_are_bounded() -> None:
    assert len(check_headers([(b"x-%d" % number, b"a") for number in range(100)], LIMITS)) == 100
    for headers in (
        [(b"x-%d" % number, b"a") for number in range(101)],
        [(b"x", b"a")] * 101,
        [(b"x", b"a" * 16_384)],
        [(b"x" * 16_384, b"a")],
        [(b"x", b"a" * 4_100)] * 4,
    ):
        with pytest.raises(HeadersTooLarge):
            check_headers(headers, LIMITS)
    with pytest.raises(HeadersTooLarge):
        check_headers([(b"x", b"a"), (b"y", b"b")], replace(LIMITS, header_count=1))


# Host

HOSTS = {
    b"a": "a",
    b"localhost:3000": "localhost",
    b"Api.Example.com": "api.example.com",
    b"api.example.com.": "api.example.com",
    b"a_b.c-d.e": "a_b.c-d.e",
    b"127.0.0.1:65535": "127.0.0.1",
    b"[::1]:80": "[::1]",
    b"[::FFFF:127.0.0.1]": "[::ffff:127.0.0.1]",
}


@pytest.mark.parametrize(("raw", "name"), HOSTS.items(), ids=[raw.decode() for raw in HOSTS])
def test_http_3_hosts_that_are_read(raw: bytes, name: str) -> None:
    assert check_host(raw) == name
    assert check_host(raw) == name  # from the second look on it is known


BAD_HOSTS = [
    b"",
    b"a b",
    b"a:",
    b"a:0",
    b"a:65536",
    b"a:123456",
    b"a:8o",
    b"a:80:80",
    b"a@b",
    b"http://a",
    b"a/b",
    b"a?b",
]
BAD_HOSTS += [b".a", b"a..b", b"-a", b"a,b", b"a, b", b"[::1", b"::1", b"[g::1]", b"a#b", b"\xe4", b"a\\b", b"x" * 256]


@pytest.mark.parametrize("raw", BAD_HOSTS, ids=[repr(raw)[:20] for raw in BAD_HOSTS])
def test_http_3_hosts_that_are_refused(raw: bytes) -> None:
    with pytest.raises(BadRequest):
        check_host(raw)


def test_http_3_a_missing_or_second_host_is_refused() -> None:
    with pytest.raises(BadRequest):
        check_host(b"")
    for second in (b"a", b"b"):
        with pytest.raises(BadRequest):
            check_headers([(b"host", b"a"), (b"host", second)], LIMITS)


def test_a_name_that_was_right_once_does_not_let_a_wrong_one_through() -> None:
    assert check_headers([(b"host", b"a"), (b"x-once", b"1")], Limits()) == {b"host": b"a", b"x-once": b"1"}
    for name in (b"x-Once", b"x once", b"x-once\n", b""):
        with pytest.raises(BadRequest):
            check_headers([(b"host", b"a"), (b"x-once", b"1"), (name, b"1")], Limits())
