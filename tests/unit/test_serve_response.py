"""Answers: content, headers that cannot be split, redirects that cannot leave, files that stay in their folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadRequest
from core.serve.response import FileResponse, Finish, Redirect, Response, StreamResponse

JSON = "application/json; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"

CONTENTS = [
    (None, b"", None),
    ("ä", "ä".encode(), TEXT),
    ("", b"", TEXT),
    (b"\xff", b"\xff", BYTES),
    (bytearray(b"a"), b"a", BYTES),
    (memoryview(b"a"), b"a", BYTES),
    ({"a": 1}, b'{"a":1}', JSON),
    ([], b"[]", JSON),
    (0, b"0", JSON),
    (False, b"false", JSON),
]


@pytest.mark.parametrize(
    ("content", "body", "media_type"), CONTENTS, ids=[f"{n}-{type(row[0]).__name__}" for n, row in enumerate(CONTENTS)]
)
def test_content_decides_body_and_type(content, body, media_type) -> None:
    response = Response(content, 201)
    assert (response.status, response.body, response.header("Content-Type")) == (201, body, media_type)


async def no_pieces():
    yield b""


EVERY_KIND = [
    Response,
    lambda: Response("a"),
    lambda: Response(b"a"),
    lambda: Response({}),
    lambda: StreamResponse(no_pieces()),
    lambda: FileResponse("x"),
    lambda: Redirect("/a"),
]


@pytest.mark.parametrize("make", EVERY_KIND, ids=["bare", "text", "bytes", "json", "stream", "file", "redirect"])
def test_http_13_every_answer_is_guarded(make) -> None:
    response = make()
    assert response.header("x-content-type-options") == "nosniff"
    policy = response.header("content-security-policy")
    assert policy.startswith("default-src 'self';" if isinstance(response, FileResponse) else "default-src 'none';")
    assert response.header("server") is None


def test_headers_given_replace_those_of_the_content() -> None:
    response = Response({}, headers={"Content-Type": "application/problem+json", "X-One": "1"})
    assert response.header("content-type") == "application/problem+json"
    assert [name for name, _ in response.raw_headers].count(b"content-type") == 1
    assert (b"x-one", b"1") in response.raw_headers


def test_headers_are_set_added_and_filled_in() -> None:
    response = Response()
    response.set_header("X-One", "1")
    response.set_header("x-one", "2")
    response.add_header("Set-Cookie", "a=1")
    response.add_header("Set-Cookie", "b=2")
    response.add_headers({"X-One": "3", "X-Two": "ä"})
    names = [(name, value) for name, value in response.raw_headers if name.startswith((b"x-o", b"x-t", b"set"))]
    assert names == [(b"x-one", b"2"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"x-two", b"\xe4")]


def test_headers_are_a_mapping() -> None:
    response = Response({}, headers={"X-One": "1"})
    response.headers["X-Two"] = "2"
    response.headers["x-ONE"] = "3"
    response.add_header("Set-Cookie", "a=1")
    response.add_header("Set-Cookie", "b=2")
    assert (response.headers["x-one"], response.header("x-two"), response.headers["set-cookie"]) == ("3", "2", "a=1")
    assert sorted(response.headers) == [
        "content-security-policy",
        "content-type",
        "set-cookie",
        "x-content-type-options",
        "x-one",
        "x-two",
    ]
    assert (len(response.headers), "x-three" in response.headers, response.headers.get("x-three")) == (6, False, None)
    del response.headers["X-Two"]
    assert "x-two" not in response.headers
    with pytest.raises(KeyError):
        del response.headers["X-Two"]
    with pytest.raises(ValueError, match="header"):
        response.headers["X-Bad"] = "a\r\nb"


def test_answers_do_not_share_headers() -> None:
    one, two = Response({}), Response({})
    one.set_header("X-One", "1")
    one.add_header("X-Two", "1")
    assert two.header("x-one") is two.header("x-two") is None
    assert Response({}).header("x-two") is None


@pytest.mark.parametrize(
    ("known", "vary"),
    [(None, "Origin"), ("Origin", "Origin"), ("accept, origin", "accept, origin"), ("*", "*"), ("A", "A, Origin")],
)
def test_vary_is_completed(known, vary) -> None:
    response = Response(headers={"Vary": known} if known else None)
    response.vary("Origin")
    assert response.header("vary") == vary


def test_answers_print_their_status() -> None:
    assert repr(Response({}, 201)) == "<Response 201>"
    assert repr(Redirect("/a")) == "<Redirect 302>"
    assert Finish(1) == Finish(1)


async def test_streams_keep_their_iterator() -> None:
    response = StreamResponse(no_pieces(), 202, {"X-One": "1"}, media_type="text/csv; charset=utf-8")
    assert [piece async for piece in response.iterator] == [b""]
    assert (response.status, response.body, response.header("content-type")) == (202, b"", "text/csv; charset=utf-8")
    assert StreamResponse(no_pieces()).header("content-type") == BYTES


# Headers, HTTP-11

BREAKS = ["\r\n", "\n", "\r", "\0", "\x0b", "\x0c", "\x1b", "\x7f", "\u2028", "\u2029", "\u010a", "\u560a", "\u560d"]
INJECTIONS = ["Set-Cookie: a=1", "\r\nHTTP/1.1 200 OK", "Location: //evil", "", "<script>", "Content-Length: 0"]
PAYLOADS = [
    f"{start}{first}{injection}{second}{end}"
    for start in ("", "a", " ")
    for first in BREAKS
    for injection in INJECTIONS
    for second in ("", "\r\n\r\n", "\n\n")
    for end in ("", "b")
][:1_400]


def test_http_11_no_value_can_split_an_answer() -> None:
    assert len(PAYLOADS) >= 500
    for payload in PAYLOADS:
        for send in (
            lambda text: Response(headers={"X": text}),
            lambda text: Response().set_header("X", text),
            lambda text: Response().add_header("X", text),
            lambda text: Response().add_headers({"X": text}),
            lambda text: StreamResponse(no_pieces(), headers={"X": text}),
            lambda text: StreamResponse(no_pieces(), media_type=text),
            lambda text: FileResponse("x", headers={"X": text}),
            lambda text: Redirect("/a", headers={"X": text}),
        ):
            with pytest.raises(ValueError, match="the value of header"):
                send(payload)


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_http_11_what_is_sent_is_on_one_line(text: str) -> None:
    try:
        response = Response(headers={"X": text})
    except ValueError:
        return
    value = dict(response.raw_headers)[b"x"]
    assert not set(value) & {*range(9), *range(10, 32), 127}
    assert value == value.strip(b" \t")


@pytest.mark.parametrize(
    "name", ["", "a b", "a:", "a\r\nb", "ä", "a\0", "a(b)", "a\n", "Connection", "keep-alive", "Transfer-Encoding"]
)
def test_http_11_names_of_headers_are_checked(name: str) -> None:
    with pytest.raises(ValueError, match="is not a header name"):
        Response(headers={name: "x"})


def test_tabs_are_kept() -> None:
    assert dict(Response(headers={"X": "a\tb"}).raw_headers)[b"x"] == b"a\tb"


# Redirects, HTTP-10

STAYS = {
    "/": "/",
    "/a/b?c=d&e=%20#f": "/a/b?c=d&e=%20#f",
    "a/b": "a/b",
    "../a": "../a",
    "./a:b": "./a:b",
    "?a=b:c": "?a=b:c",
    "#a": "#a",
    "/a//b": "/a//b",
    "/a?next=https://evil.com/": "/a?next=https://evil.com/",
    "/ä": "/%C3%A4",
    "/a。b": "/a%E3%80%82b",
    '/"<>': "/%22%3C%3E",
}


@pytest.mark.parametrize(("url", "location"), STAYS.items(), ids=STAYS.keys())
def test_http_10_targets_on_this_server(url: str, location: str) -> None:
    response = Redirect(url, 303)
    assert (response.status, response.header("location")) == (303, location)


def leaving() -> list[str]:
    slashes = ["//", "///", "////", "/\\", "\\/", "\\\\", "/\t/", "/\n/", "/\r/", " //", "\t//", "\0//", "/\x0b/"]
    schemes = ["http://", "https://", "HTTPS://", "https:", "https:/", "https:///", "https:\\\\", "http:\t//", "ftp://"]
    schemes += [
        "javascript:",
        "JavaScript:",
        "data:text/html,",
        "vbscript:",
        "file:///",
        "ws://",
        "h\nttps://",
        "\x01http://",
    ]
    schemes += [
        "https://ok.com@",
        "https://ok.com:80@",
        "https://ok.com\\@",
        "https://ok.com。",
        "https://ok.com%2e",
        "https://x.",
    ]
    schemes += [
        "https://ok.com.",
        "https://ok.com-",
        "https://ok.com#@",
        "https://ok.com\t.",
        "//ok.com@",
        "//ok.com.",
        "https://ok。com.",
    ]
    hosts = ["evil.com", "evil.com/a", "ok.com.evil.com", "①②⑦.0.0.1"]
    return [f"{start}{host}" for start in [*slashes, *schemes] for host in hosts if "#@" not in start]


def test_http_10_no_target_leaves() -> None:
    corpus = [
        *leaving(),
        "",
        "//",
        "https://",
        "https:",
        "x:y",
        "\\",
        "/a\\b",
        "/a b",
        "/\u00a0",
        "//ok.com",
        "//ok.com/a",
    ]
    assert len(corpus) >= 120
    for url in corpus:
        for hosts in ((), ("ok.com",)):
            with pytest.raises(BadRequest):
                Redirect(url, allow_hosts=hosts)


@pytest.mark.parametrize(
    "url",
    ["https://ok.com", "http://OK.com/a?b#c", "https://ok.com/@evil.com", "https://ok.com?x", "https://ok.com:8443/"],
)
def test_http_10_hosts_that_are_allowed(url: str) -> None:
    assert Redirect(url, allow_hosts=["Ok.com", "ok.com:8443"]).header("location") == url
    with pytest.raises(BadRequest):
        Redirect(url)
    with pytest.raises(BadRequest):
        Redirect(url, allow_hosts=["other.com", "ok.com:1"])


def test_http_11_line_breaks_in_targets_are_refused() -> None:
    for payload in PAYLOADS:
        try:
            location = Redirect(f"/a{payload}").header("location")
        except BadRequest:
            continue
        assert location.isascii()
        assert location.isprintable()


@pytest.mark.parametrize("status", [200, 300, 304, 305, 404])
def test_other_statuses_are_no_redirects(status: int) -> None:
    with pytest.raises(ValueError, match="is not a redirect"):
        Redirect("/a", status)


# Files


def test_files_keep_what_they_were_given() -> None:
    response = FileResponse("x", 201, {"X-One": "1"}, "application/pdf")
    assert (response.media_type, response.status, response.header("x-one")) == ("application/pdf", 201, "1")
    assert response.path == Path("x")
