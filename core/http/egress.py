"""What may go out and where to: headers, URLs in which a value is only a value, and addresses; what comes back.

Every connection goes through `Guard.open_socket`: names, literals in any spelling, redirects and answers of a resolver
that changed its mind all end in an address there. Next: `client.py`.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode, urlsplit

import orjson

from core.declare.upstream import Upstream
from core.errors import BadGateway, BadRequest
from core.serve.encoding import HOP_HEADERS, encode_header
from core.settings import Secret

_PATH_SAFE: Final = "/%:@!$&'()*+,;=~"
_BASE: Final = re.compile(r"https?://[^\s/?#@\\\x00-\x20\x7f]+(?:/[^\s?#\\\x00-\x20\x7f]*)?", re.IGNORECASE)
_URL: Final = re.compile(_BASE.pattern + r"(?:\?[^\s#\\\x00-\x20\x7f]*)?", re.IGNORECASE)

# `is_global` knows most of what is not public; these it takes for public in some Python or other, or they are tunnels.
_REFUSED: Final = """0.0.0.0/8 100.64.0.0/10 192.0.0.0/24 192.88.99.0/24 198.18.0.0/15 224.0.0.0/3
    ::/3 2001::/23 2001:db8::/32 2002::/16 3fff::/20 4000::/2 8000::/1"""
_NETWORKS: Final = [ipaddress.ip_network(text) for text in _REFUSED.split()]
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


class Unusable(OSError):
    """A place or an answer that is not to be used; asked `again`? Does it count as a failure of the upstream?"""

    def __init__(self, text: str, *, again: bool = False, counts: bool = False) -> None:
        super().__init__(text)
        self.again, self.counts = again, counts


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address is one of the internet, as a translator of IPv6 to IPv4 would see it; a tunnel is none."""
    if address in _NAT64:
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return address.is_global and not any(address in network for network in _NETWORKS)


class Guard:
    """Opens sockets for one upstream: to public addresses, those it allows, and the one that its base URL names."""

    def __init__(self, upstream: Upstream) -> None:
        self._allowed = [ipaddress.ip_network(text) for text in upstream.allow_networks]
        if upstream.base_url and not _BASE.fullmatch(upstream.base_url):
            raise ValueError("base_url must be an http(s) URL without password, query and fragment")
        url, self.headers = urlsplit(upstream.base_url), merge_headers(upstream.headers, {})
        self._port, self._named = url.port or {"http": 80}.get(url.scheme, 443), []
        for text in ("127.0.0.0/8", "::1") if url.hostname == "localhost" else (url.hostname or "",):
            with suppress(ValueError):  # a name: where it leads is looked at when it is known
                self._named.append(ipaddress.ip_network(text))

    def open_socket(self, info: tuple[Any, Any, int, str, tuple[Any, ...]]) -> socket.socket:
        """A socket for an address as `getaddrinfo` gives it; `Unusable` where nothing allows the address."""
        family, kind, protocol, _, place = info
        address = ipaddress.ip_address(str(place[0]))
        address = getattr(address, "ipv4_mapped", None) or address
        allowed = self._allowed + (self._named if place[1] == self._port else [])
        if not is_public(address) and not any(address in network for network in allowed):
            raise Unusable(f"{address} is not public, and allow_networks does not name it")
        return socket.socket(family, kind, protocol)


def merge_headers(own: Mapping[str, str | Secret], more: Mapping[str, str]) -> dict[str, str]:
    """Headers to send, by lower-case name; `ValueError` for one that cannot be sent or follows from the call."""
    given = {name: value.reveal() if isinstance(value, Secret) else value for name, value in own.items()}
    raw = [encode_header(name, value) for name, value in (*given.items(), *more.items())]
    merged = {name.decode(): value.decode("latin-1") for name, value in raw}
    if not {"host", "upgrade"}.isdisjoint(merged):
        raise ValueError("nobody sets these headers: host, upgrade")
    return merged


def build_url(base_url: str, path: str, values: Mapping[str, Any] | None, query: Mapping[str, Any] | None) -> str:
    """The URL of a call: `:name` in the path is one segment, `*` is `values["rest"]`; everything is encoded.

    `BadRequest` when the path leaves the base URL; or when, without base URL, it is no http(s) URL.
    """
    url, _, asked = path.partition("?")
    if base_url:
        segments = [_fill(segment, values or {}) for segment in url.lstrip("/").split("/")]
        url = f"{base_url.rstrip('/')}/{'/'.join(segments)}" if url else base_url
    else:
        fits = False
        with suppress(ValueError):
            fits = bool(_URL.fullmatch(path)) and urlsplit(path).port != 0
        if not fits:
            raise BadRequest(msg="This is not a URL that can be called.")
    pairs = [(name, text) for name, value in (query or {}).items() for text in _to_texts(value)]
    queries = [quote(asked.partition("#")[0], safe=_PATH_SAFE + "?[]"), urlencode(pairs, quote_via=quote, safe="")]
    return "?".join(text for text in (url, "&".join(filter(None, queries))) if text)


def _fill(segment: str, values: Mapping[str, Any]) -> str:
    filled, text = quote(segment, safe=_PATH_SAFE), unquote(segment)
    if segment == "*":
        text = str(values["rest"])
        filled = quote(text)
    elif segment.startswith(":"):
        text = next(iter(_to_texts(values[segment[1:]])), "") or ".."
        filled = quote(text, safe="")
    if not {".", ".."}.isdisjoint(part.partition(";")[0] for part in text.replace("\\", "/").split("/")):
        raise BadRequest(msg="The path of a call has an empty value, or dot segments.")
    return filled


def _to_texts(value: Any) -> list[str]:
    items = value if isinstance(value, list | tuple) else [value]
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in items if item is not None]


def read_headers(received: Mapping[str, str]) -> dict[str, str]:
    """Those that say something about the body as it is now, out of its connection and its coding."""
    headers = {name.lower(): value for name, value in received.items() if name.lower() not in HOP_HEADERS}
    if headers.get("content-encoding", "").lower() in {"gzip", "deflate", "br", "zstd"}:  # aiohttp undid it
        del headers["content-encoding"]
        headers.pop("content-length", None)
    return headers


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer below 500. `headers` by lower-case name, as `body` is now; of repeated ones the last."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; `BadGateway` when it is none, or when the status is not 2xx: look at that first."""
        try:
            return orjson.loads(self.body if 200 <= self.status < 300 else b"")
        except orjson.JSONDecodeError:
            raise BadGateway from None

    @property
    def text(self) -> str:
        """The body as text; what is not UTF-8 is replaced."""
        return self.body.decode("utf-8", "replace")
