"""Answers: what a step may return, as values without any I/O.

In: content, status and headers. Out: `Response` and its kinds; `delivery.py` makes them ready to send.
Every answer carries `nosniff` and a content security policy. Before it: `chain.py`.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from core.errors import BadRequest, NotFound
from core.serve.encoding import encode_json
from core.serve.header import CSP_DATA, CSP_PAGE, NOSNIFF, RawHeader, encode_header

_JSON: Final[RawHeader] = (b"content-type", b"application/json; charset=utf-8")
_TEXT: Final[RawHeader] = (b"content-type", b"text/plain; charset=utf-8")
_BYTES: Final[RawHeader] = (b"content-type", b"application/octet-stream")
_JSON_HEADERS: Final = (_JSON, NOSNIFF, CSP_DATA)
_TEXT_HEADERS: Final = (_TEXT, NOSNIFF, CSP_DATA)
_BYTES_HEADERS: Final = (_BYTES, NOSNIFF, CSP_DATA)
_BARE_HEADERS: Final = (NOSNIFF, CSP_DATA)

_UNSAFE_URL: Final = re.compile(r"[\x00-\x20\x7f-\xa0\\]")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_ABSOLUTE: Final = re.compile(r"https?://(?P<host>[A-Za-z0-9.:-]+)(?:[/?#].*)?", re.IGNORECASE)
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Finish:
    """Returned by a step: the result is this value, and the rest of the route's chain is skipped."""

    value: Any


class Response:
    """A complete answer.

    Args:
        content: bytes, text, nothing, or any other value as JSON.
        status: HTTP status.
        headers: more headers; they replace those made from the content.

    Attributes:
        body: what is sent.
        raw_headers: headers as they are sent, in order, without `content-length`.

    Raises:
        ValueError: a header that must not be sent, see `encode_header`.
        TypeError: content without a JSON form.
    """

    __slots__ = ("body", "raw_headers", "status")

    def __init__(self, content: Any = None, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.raw_headers: list[RawHeader]
        if content is None:
            self.body = b""
            self.raw_headers = [*_BARE_HEADERS]
        elif isinstance(content, str):
            self.body = content.encode("utf-8")
            self.raw_headers = [*_TEXT_HEADERS]
        elif isinstance(content, (bytes, bytearray, memoryview)):
            self.body = bytes(content)
            self.raw_headers = [*_BYTES_HEADERS]
        else:
            self.body = encode_json(content)
            self.raw_headers = [*_JSON_HEADERS]
        if headers:
            for name, value in headers.items():
                self.set_header(name, value)

    def header(self, name: str) -> str | None:
        """The value of a header that will be sent, or `None`."""
        wanted = name.lower().encode("ascii")
        return next((value.decode("latin-1") for key, value in self.raw_headers if key == wanted), None)

    def set_header(self, name: str, value: str) -> None:
        """Send a header once, with this value.

        Raises:
            ValueError: see `encode_header`.
        """
        raw = encode_header(name, value)
        self.raw_headers = [item for item in self.raw_headers if item[0] != raw[0]]
        self.raw_headers.append(raw)

    def add_header(self, name: str, value: str) -> None:
        """Send a header in addition to others of the same name, as `Set-Cookie` needs it.

        Raises:
            ValueError: see `encode_header`.
        """
        self.raw_headers.append(encode_header(name, value))

    def add_headers(self, headers: Mapping[str, str]) -> None:
        """Send headers, except those that this answer has already.

        Raises:
            ValueError: see `encode_header`.
        """
        present = {name for name, _ in self.raw_headers}
        for name, value in headers.items():
            raw = encode_header(name, value)
            if raw[0] not in present:
                self.raw_headers.append(raw)

    def vary(self, name: str) -> None:
        """Tell caches that the answer depends on a request header."""
        known = self.header("vary")
        if known is None:
            self.raw_headers.append((b"vary", name.encode("ascii")))
        elif known != "*" and name.lower() not in known.lower().replace(" ", "").split(","):
            self.set_header("vary", f"{known}, {name}")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.status}>"


class StreamResponse(Response):
    """An answer whose body is sent while it is made.

    Args:
        iterator: gives the pieces; closed when the client leaves.
        status: HTTP status.
        headers: more headers.
        media_type: content type with its charset.
    """

    __slots__ = ("iterator",)

    def __init__(
        self,
        iterator: AsyncIterator[bytes],
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str = "application/octet-stream",
    ) -> None:
        super().__init__(None, status, {"content-type": media_type, **(headers or {})})
        self.iterator = iterator


class FileResponse(Response):
    """A file: with ETag, Last-Modified, conditions and ranges; read in threads when it is sent.

    Args:
        path: the file. Only code may choose it, unless `root` is given.
        root: folder that `path` (then relative) cannot leave, neither by dots nor by links.
        headers: more headers.
        media_type: content type; guessed from the name by default.
        filename: offers the file for saving under this name.
        status: HTTP status of the whole file.

    Raises:
        NotFound: with `root`, a path that leaves it or contains a name beginning with a dot.
    """

    __slots__ = ("media_type", "path")

    def __init__(
        self,
        path: str | Path,
        *,
        root: str | Path | None = None,
        headers: Mapping[str, str] | None = None,
        media_type: str = "",
        filename: str = "",
        status: int = 200,
    ) -> None:
        super().__init__(None, status)
        self.raw_headers = [NOSNIFF, CSP_PAGE]
        self.path = Path(path) if root is None else _confine(str(path), Path(root))
        self.media_type = media_type
        if filename:
            encoded = quote(filename, safe="")
            self.set_header("content-disposition", f"attachment; filename*=UTF-8''{encoded}")
        for name, value in (headers or {}).items():
            self.set_header(name, value)


def _confine(path: str, root: Path) -> Path:
    """The file below a folder, or `NotFound`."""
    if "\0" in path or "\\" in path or any(part.startswith(".") for part in path.split("/")):
        raise NotFound
    root = root.resolve()
    target = (root / path).resolve()
    if not target.is_relative_to(root):
        raise NotFound
    return target


class Redirect(Response):
    """Sends the client elsewhere: to a path of this server, or to a host that is allowed by name.

    Args:
        url: a path, absolute or relative, or an http(s) URL of one of `allow_hosts`.
        status: 301, 302, 303, 307 or 308.
        headers: more headers.
        allow_hosts: hosts, with port where there is one, that the URL may name.

    Raises:
        BadRequest: the target is another host, another scheme, or hides what it is.
        ValueError: the status is no redirect.
    """

    __slots__ = ()

    def __init__(
        self,
        url: str,
        status: int = 302,
        headers: Mapping[str, str] | None = None,
        *,
        allow_hosts: Collection[str] = (),
    ) -> None:
        if status not in _REDIRECTS:
            raise ValueError(f"{status} is not a redirect")
        if not _is_safe_target(url, allow_hosts):
            raise BadRequest(msg="The target of the redirect is not allowed.")
        super().__init__(None, status, headers)
        self.set_header("location", quote(url, safe="/:?#[]@!$&'()*+,;=%~"))


def _is_safe_target(url: str, allow_hosts: Collection[str]) -> bool:
    # Browsers skip blanks and line breaks and read a backslash as a slash: none of them is let through.
    if not url or _UNSAFE_URL.search(url):
        return False
    if not url.startswith("//") and not _SCHEME.match(url):
        return True
    match = _ABSOLUTE.fullmatch(url)
    return match is not None and match["host"].lower() in {host.lower() for host in allow_hosts}
