"""The documentation page: what is sent, escaped, kept out and read late."""

from __future__ import annotations

import gzip
import hashlib
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from core.docs.ui import ASSETS, CONTENT_POLICY, DIGESTS, DocsAsset, build_docs_pages

FILES = ["/docs/favicon.svg", "/docs/init.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"]
PATHS = ["/docs", "/docs/", *FILES]


@pytest.fixture(name="pages")
def _pages() -> dict[str, DocsAsset]:
    return build_docs_pages("Demo API", "Todos and more")


class _Elements(HTMLParser):
    """Collects the elements and the attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def _elements(text: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Elements()
    parser.feed(text)
    return parser.found


def _plain(asset: DocsAsset) -> str:
    return asset.encode(gzip_accepted=False)[1].decode()


def test_every_path_is_there_and_knows_itself(pages: dict[str, DocsAsset]) -> None:
    assert sorted(pages) == PATHS
    assert all(asset.path == path for path, asset in pages.items())


def test_the_page_loads_only_what_is_served_here(pages: dict[str, DocsAsset]) -> None:
    links = [
        value
        for _, attributes in _elements(_plain(pages["/docs"]))
        for name, value in attributes.items()
        if name in {"src", "href"}
    ]
    assert set(links) <= {*PATHS, "/api-docs"}
    assert "://" not in _plain(pages["/docs"])


def test_the_page_has_nothing_inline(pages: dict[str, DocsAsset]) -> None:
    for tag, attributes in _elements(_plain(pages["/docs"])):
        assert tag != "style"
        assert tag != "script" or "src" in attributes
        assert not [name for name in attributes if name.startswith("on") or name == "style"]


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'\"></title></head><svg onload=alert(1)>",
    "</noscript><iframe src=javascript:alert(1)>",
    "{title}{0}",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_g03_title_and_description_stay_text(text: str, pages: dict[str, DocsAsset]) -> None:
    page = _plain(build_docs_pages(text, text)["/docs"])
    harmless = _elements(_plain(pages["/docs"]))
    found = _elements(page)
    assert [tag for tag, _ in found] == [tag for tag, _ in harmless]
    assert ("meta", {"name": "description", "content": text}) in found


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_carries_the_security_headers(path: str, pages: dict[str, DocsAsset]) -> None:
    headers = dict(pages[path].headers)
    assert headers[b"content-security-policy"].decode() == CONTENT_POLICY
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"referrer-policy"] == b"no-referrer"
    assert headers[b"content-type"].split(b";")[0] in {b"text/html", b"text/javascript", b"text/css", b"image/svg+xml"}
    assert headers[b"vary"] == b"accept-encoding"


def test_the_policy_admits_no_inline_code_and_no_other_origin() -> None:
    policy = dict(item.split(" ", 1) for item in CONTENT_POLICY.split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in CONTENT_POLICY
    assert "*" not in CONTENT_POLICY


@pytest.mark.parametrize("path", PATHS)
def test_the_plain_form_equals_the_compressed_one(path: str, pages: dict[str, DocsAsset]) -> None:
    asset = pages[path]
    zipped_headers, zipped = asset.encode(gzip_accepted=True)
    plain_headers, plain = asset.encode(gzip_accepted=False)
    assert gzip.decompress(zipped) == plain
    assert dict(zipped_headers)[b"content-encoding"] == b"gzip"
    assert b"content-encoding" not in dict(plain_headers)
    for headers, body in ((zipped_headers, zipped), (plain_headers, plain)):
        assert body
        assert dict(headers)[b"etag"] == dict(asset.headers)[b"etag"]


def test_two_builds_give_the_same_bytes(pages: dict[str, DocsAsset]) -> None:
    again = build_docs_pages("Demo API", "Todos and more")
    assert {path: asset.load() for path, asset in again.items()} == {
        path: asset.load() for path, asset in pages.items()
    }


def test_another_title_is_another_etag(pages: dict[str, DocsAsset]) -> None:
    other = build_docs_pages("Other API", "Todos and more")
    etag, former = (dict(built["/docs"].headers)[b"etag"] for built in (other, pages))
    assert etag != former
    assert re.fullmatch(rb'W/"[0-9a-f]{16}"', etag)


@pytest.mark.parametrize("name", sorted(DIGESTS))
def test_vendored_files_are_the_ones_named(name: str) -> None:
    stored = (ASSETS / f"{name}.gz").read_bytes()
    assert hashlib.sha256(gzip.decompress(stored)).hexdigest() == DIGESTS[name]
    assert stored[4:8] == b"\0\0\0\0", "the time stamp in the gzip header must be 0"


def test_only_needed_files_and_their_licences_are_vendored() -> None:
    assert sorted(path.name for path in ASSETS.iterdir()) == [
        "LICENSE",
        "NOTICE",
        "swagger-ui-bundle.js.LICENSE.txt",
        "swagger-ui-bundle.js.gz",
        "swagger-ui.css.gz",
    ]


def test_the_script_asks_for_our_document_and_no_validator(pages: dict[str, DocsAsset]) -> None:
    script = _plain(pages["/docs/init.js"])
    assert 'url: "/api-docs"' in script
    assert "validatorUrl: null" in script
    assert "deepLinking: true" in script
    assert "Sorter" not in script
    assert "://" not in script


def test_building_the_pages_reads_no_file() -> None:
    code = (
        "import sys, core.docs.ui as ui\n"
        "opened = []\n"
        "sys.addaudithook(lambda e, a: opened.append(a[0]) if e == 'open' else None)\n"
        "pages = ui.build_docs_pages('t', 'd')\n"
        "assert not opened, opened\n"
        "pages['/docs/swagger-ui.css'].load()\n"
        "assert any('swagger-ui.css.gz' in str(name) for name in opened), opened\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ASSETS.parents[2])
