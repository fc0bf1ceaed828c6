"""Who the client is, when trusted proxies stand between: address, scheme and host.

In: the address of the peer and the `Forwarded` and `X-Forwarded-*` headers. Out: a `Request` with the client's.
Without configured proxies nobody asks here, and the peer is the client. Called by `app.py` after the gate.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, NamedTuple

from core.errors import BadRequest
from core.serve.gate import check_host
from core.serve.request import Request

#: more hops than this are not looked at
_HOPS_MAX: Final = 32
_ELEMENT: Final = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
_PAIR: Final = re.compile(r'\s*([A-Za-z-]+)=(?:"((?:[^"\\]|\\.)*)"|([^",;\s]*))\s*')


class _Client(NamedTuple):
    """What proxies say; empty where they say nothing, or nothing valid."""

    address: str
    scheme: str = ""
    host: str = ""


class Proxies:
    """Believes the headers of configured addresses and networks, and of nobody else."""

    def __init__(self, trusted: Sequence[str]) -> None:
        networks = [ip_network(network, strict=False) for network in trusted]

        @lru_cache(maxsize=4096)
        def is_trusted(address: str) -> bool:
            parsed = parse_address(address)
            return parsed is not None and any(parsed in network for network in networks)

        self.is_trusted = is_trusted

    def apply(self, request: Request) -> None:
        """Replace what the last proxy is by what the client is; hops are counted from the right.

        Raises:
            BadRequest: both kinds of headers are there and name different clients. A proxy writes one of them; who
                wrote the other cannot be known.
        """
        if not self.is_trusted(request.client_ip):
            return
        said = [self._read_x(request), self._read_forwarded(request)]
        found = [client for client in said if client is not None]
        if len({client.address for client in found}) > 1:
            raise BadRequest(msg="Forwarded and X-Forwarded-For name different clients.")
        for client in found:
            request.client_ip = client.address
            request.scheme = client.scheme or request.scheme
            if client.host:
                request.index = {**request.index, b"host": client.host.encode("latin-1")}

    def _read_x(self, request: Request) -> _Client | None:
        """`X-Forwarded-For`, and what `-Proto` and `-Host` say at the same place from the right."""
        lists = [request.header(f"x-forwarded-{name}") for name in ("for", "proto", "host")]
        if lists == [None, None, None]:
            return None
        hops, schemes, hosts = ([part.strip() for part in (text or "").split(",")] for text in lists)
        address, at = self._count(request.client_ip, hops)
        return _Client(address, _scheme(schemes[-min(at, len(schemes))]), _host(hosts[-min(at, len(hosts))]))

    def _read_forwarded(self, request: Request) -> _Client | None:
        """The elements of RFC 7239."""
        text = request.header("forwarded")
        if text is None:
            return None
        # The right end counts. An unclosed quote costs the square of what is looked at.
        elements = [dict(_pairs(element)) for element in _ELEMENT.findall(text[-1024:])] or [{}]
        address, at = self._count(request.client_ip, [element.get("for", "") for element in elements])
        element = elements[-min(at, len(elements))]
        return _Client(address, _scheme(element.get("proto", "")), _host(element.get("host", "")))

    def _count(self, peer: str, hops: Sequence[str]) -> tuple[str, int]:
        """The right-most address that is no trusted proxy, and its place from the right.

        What is no address ends the way: the last one known is the client then.
        """
        address, at = peer, 1
        for place, hop in enumerate(hops[: -_HOPS_MAX - 1 : -1], 1):
            parsed = parse_address(hop)
            if parsed is None:
                break
            address, at = str(parsed), place
            if not self.is_trusted(address):
                break
        return address, at


@lru_cache(maxsize=4096)
def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """An address with or without port and brackets; an IPv4 address in IPv6 clothes is taken as what it is."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        parsed = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, IPv6Address) else parsed


def _pairs(element: str) -> list[tuple[str, str]]:
    found = (_PAIR.fullmatch(part) for part in element.split(";"))
    return [(match[1].lower(), re.sub(r"\\(.)", r"\1", match[2] or match[3] or "")) for match in found if match]


def _scheme(text: str) -> str:
    return text.lower() if text.lower() in {"http", "https"} else ""


def _host(text: str) -> str:
    try:
        return text if text and check_host(text.encode("latin-1", "replace")) else ""
    except BadRequest:
        return ""
