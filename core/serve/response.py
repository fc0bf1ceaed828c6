"""Answers: what a step may return, as values without any I/O.

In: content, status and headers. Out: `Response` and its kinds; `delivery.py` makes them ready to send.
Every answer carries `nosniff` and a content security policy. Before it: `chain.py`.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from core.errors import BadRequest
from core.serve.encoding import CSP_DATA, CSP_PAGE, NOSNIFF, RawHeader, encode_header, encode_json

_BARE: Final[tuple[RawHeader, ...]] = (NOSNIFF, CSP_DATA)
_JSON: Final = ((b"content-type", b"application/json; charset=utf-8"), *_BARE)
_TEXT: Final = ((b"content-type", b"text/plain; charset=utf-8"), *_BARE)
_BYTES: Final = ((b"content-type", b"application/octet-stream"), *_BARE)

_UNSAFE_URL: Final = re.compile(r"[\x00-\x20\x7f-\xa0\\]")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_ABSOLUTE: Final = re.compile(r"https?://(?P<host>[A-Za-z0-9.:-]+)(?:[/?#].*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Finish:
    """Returned by a step: the result is this value, and the rest of the route's chain is skipped."""

    value: Any


class Response:
    """A complete answer to one request: it is not to be returned twice.

    The content is bytes, text, nothing, or any other value as JSON; `headers` replace those made from it.
    `body` and `raw_headers` hold what is sent, without `content-length`; `is_taken`: it is the answer to a request.

    Raises:
        ValueError: a header that must not be sent, see `encode_header`; so do all methods that take headers.
        TypeError: content without a JSON form.
    """

    __slots__ = ("body", "is_taken", "raw_headers", "status")

    def __init__(self, content: Any = None, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.status, self.is_taken = status, False
        made = _JSON
        if type(content) is dict:
            self.body = encode_json(content)
        elif content is None:
            self.body, made = b"", _BARE
        elif isinstance(content, str):
            self.body, made = content.encode("utf-8"), _TEXT
        elif isinstance(content, (bytes, bytearray, memoryview)):
            self.body, made = bytes(content), _BYTES
        else:
            self.body = encode_json(content)
        self.raw_headers: list[RawHeader] = [*made]
        if headers:
            replaced = dict(made)
            replaced.update(encode_header(name, value) for name, value in headers.items())
            self.raw_headers = [*replaced.items()]

    @property
    def headers(self) -> Headers:
        """The headers that will be sent, by name in any case; may be changed."""
        return Headers(self)

    def header(self, name: str) -> str | None:
        """The value of a header that will be sent, or `None`."""
        wanted = name.lower().encode("ascii")
        return next((value.decode("latin-1") for key, value in self.raw_headers if key == wanted), None)

    def set_header(self, name: str, value: str) -> None:
        """Send a header once, with this value."""
        raw = encode_header(name, value)
        self.raw_headers = [*(item for item in self.raw_headers if item[0] != raw[0]), raw]

    def add_header(self, name: str, value: str) -> None:
        """Send a header in addition to others of the same name, as `Set-Cookie` needs it."""
        self.raw_headers.append(encode_header(name, value))

    def add_headers(self, headers: Mapping[str, str]) -> None:
        """Send headers, except those that this answer has already."""
        self.add_raw_headers(map(encode_header, headers, headers.values()))

    def add_raw_headers(self, headers: Iterable[RawHeader]) -> None:
        """The same with headers as they are sent."""
        present = dict(self.raw_headers)
        self.raw_headers += [raw for raw in headers if raw[0] not in present]

    def vary(self, name: str) -> None:
        """Tell caches that the answer depends on a request header."""
        known = self.header("vary") or ""
        if known != "*" and name.lower() not in known.lower().replace(" ", "").split(","):
            self.set_header("vary", f"{known}, {name}" if known else name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.status}>"


class Headers(MutableMapping[str, str]):
    """The headers of an answer as a mapping; of repeated ones the first."""

    __slots__ = ("_response",)

    def __init__(self, response: Response) -> None:
        self._response = response

    def __getitem__(self, name: str) -> str:
        if (value := self._response.header(name)) is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: str) -> None:
        self._response.set_header(name, value)

    def __delitem__(self, name: str) -> None:
        self[name]  # there must be one
        wanted = name.lower().encode("ascii")
        self._response.raw_headers = [item for item in self._response.raw_headers if item[0] != wanted]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name.decode("ascii") for name, _ in self._response.raw_headers))

    def __len__(self) -> int:
        return len(list(iter(self)))


class StreamResponse(Response):
    """An answer whose body is sent while it is made; `media_type` is its content type with the charset."""

    __slots__ = ("iterator",)

    def __init__(
        self, iterator: AsyncIterator[bytes], status: int = 200, headers: Mapping[str, str] | None = None,
        media_type: str = "application/octet-stream",
    ) -> None:  # fmt: skip
        super().__init__(None, status, {"content-type": media_type, **(headers or {})})
        self.iterator = iterator


class FileResponse(Response):
    """A file: with ETag, Last-Modified, conditions and ranges; read in threads when it is sent.

    Code chooses the path: nothing here keeps a name from a request inside a folder. The content type is guessed
    from the name where none is given.
    """

    __slots__ = ("media_type", "path")

    def __init__(
        self, path: str | Path, status: int = 200, headers: Mapping[str, str] | None = None, media_type: str = ""
    ) -> None:
        super().__init__(None, status, {"content-security-policy": CSP_PAGE[1].decode(), **(headers or {})})
        self.path = Path(path)
        self.media_type = media_type


class Redirect(Response):
    """Sends the client elsewhere: to a path of this server, or to a host that is allowed by name.

    The URL is a path, absolute or relative, or an http(s) URL of one of `allow_hosts` (with port where there is one).

    Raises:
        BadRequest: the target is another host, another scheme, or hides what it is.
        ValueError: the status is not 301, 302, 303, 307 or 308.
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
        if status not in {301, 302, 303, 307, 308}:
            raise ValueError(f"{status} is not a redirect")
        if not _is_safe_target(url, allow_hosts):
            raise BadRequest(msg="The target of the redirect is not allowed.")
        super().__init__(None, status, headers)
        self.set_header("location", quote_target(url))


def quote_target(url: str) -> str:
    """A URL as a header carries it: what is escaped stays so, what must not stand there is escaped."""
    return quote(url, safe="/:?#[]@!$&'()*+,;=%~")


def _is_safe_target(url: str, allow_hosts: Collection[str]) -> bool:
    # Browsers skip blanks and line breaks and read a backslash as a slash: none of them is let through.
    if not url or _UNSAFE_URL.search(url):
        return False
    if not url.startswith("//") and not _SCHEME.match(url):
        return True
    match = _ABSOLUTE.fullmatch(url)
    return match is not None and match["host"].lower() in {host.lower() for host in allow_hosts}
