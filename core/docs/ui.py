"""The page at `/docs`: Swagger UI from files of this repository, under a strict content policy.

In: the title and description of the API. Out: one `DocsAsset` per path, ready to be sent; nothing here
knows ASGI. Before: `docs/openapi.py`, whose document the page fetches from `/api-docs`. After:
`serve/app.py`, which answers the paths when the setting `docs` is enabled.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path

ASSETS = Path(__file__).parent / "assets"
PAGE, INIT_SCRIPT, FAVICON = (
    (Path(__file__).parent / "page" / name).read_text(encoding="utf-8")
    for name in ("index.html", "init.js", "favicon.svg")
)

# SHA-256 of the vendored files, uncompressed: the ETag is known without reading half a megabyte, and a
# test notices when a file is replaced without its digest.
DIGESTS = {
    "swagger-ui-bundle.js": "e6a898692f2d768e807c3ba4626068a69a2c5dd960dd6c76f3e4d3a3de180af2",
    "swagger-ui.css": "5ed08757e53da3e026d6cbecc61fe5d43585c9560b302d534ad56692519a273d",
}

# Tried in Chromium: Swagger UI 5.35 sets its styles through the object model, so nothing inline is needed.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class DocsAsset:
    """One file of the documentation page.

    Attributes:
        path: the exact path it answers.
        headers: of the compressed form, without `Content-Length`.
        load: gives the compressed bytes; the vendored files are read when first asked for.
    """

    path: str
    headers: tuple[tuple[bytes, bytes], ...]
    load: Callable[[], bytes]

    def encode(self, *, gzip_accepted: bool) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """Headers, and the body as this client can read it."""
        if gzip_accepted:
            return list(self.headers), self.load()
        # Rare (every browser accepts gzip), so it is decompressed each time instead of kept.
        return [header for header in self.headers if header[0] != b"content-encoding"], gzip.decompress(self.load())


def build_docs_pages(title: str, description: str) -> dict[str, DocsAsset]:
    """The documentation page of an API and everything it loads, by path; name and description are plain text."""
    text = PAGE.format(title=escape(title), description=escape(description))
    page = _generated("/docs", "text/html; charset=utf-8", text)
    assets = [
        page,
        replace(page, path="/docs/"),
        _generated("/docs/init.js", "text/javascript; charset=utf-8", INIT_SCRIPT),
        _generated("/docs/favicon.svg", "image/svg+xml", FAVICON),
        _vendored("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        _vendored("swagger-ui.css", "text/css; charset=utf-8"),
    ]
    return {asset.path: asset for asset in assets}


def _generated(path: str, media_type: str, text: str) -> DocsAsset:
    content = text.encode()
    # Level 9 and no time stamp: every worker and every start sends the same bytes.
    body = gzip.compress(content, 9, mtime=0)
    return _asset(path, media_type, sha256(content).hexdigest(), lambda: body)


def _vendored(name: str, media_type: str) -> DocsAsset:
    # Kept once read: a server whose docs nobody opens pays nothing.
    return _asset(f"/docs/{name}", media_type, DIGESTS[name], cache((ASSETS / f"{name}.gz").read_bytes))


def _asset(path: str, media_type: str, digest: str, load: Callable[[], bytes]) -> DocsAsset:
    headers = {
        "content-type": media_type,
        "content-encoding": "gzip",
        "vary": "accept-encoding",
        # "no-cache" means "ask again": with the ETag the answer is a 304, and an upgrade shows at once.
        "cache-control": "no-cache",
        "etag": f'W/"{digest[:16]}"',
        "content-security-policy": CONTENT_POLICY,
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    return DocsAsset(path, tuple((name.encode(), value.encode()) for name, value in headers.items()), load)
