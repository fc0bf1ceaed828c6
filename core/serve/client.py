"""Who the client is, when trusted proxies stand between: address, scheme and host.

In: the address of the peer and the `Forwarded` and `X-Forwarded-*` headers. Out: a `Request` with the client's.
Without configured proxies nobody asks here, and the peer is the client. Called by `app.py` after the gate.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from core.errors import BadRequest
from core.serve.gate import check_host
from core.serve.request import Request

#: more hops than this are not looked at
_HOPS_MAX: Final = 32
# Without escapes in quotes: no proxy writes them, and each would be tried as the begin of a text without end.
_ELEMENT: Final = re.compile(r'(?:[^,"]|"[^"\\]*")+')
_PAIR: Final = re.compile(r'\s*([A-Za-z-]+)=(?:"([^"\\]*)"|([^",;\s]*))\s*')


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
        """Replace what the last proxy is by what the client is.

        Raises:
            BadRequest: both kinds of headers are there and name different clients. A proxy writes one of them; who
                wrote the other cannot be known.
        """
        if not self.is_trusted(request.client_ip):
            return
        said = [lists for lists in (_read_x(request), _read_forwarded(request)) if lists]
        found = [self._find(request.client_ip, *lists) for lists in said]
        addresses, schemes, hosts = (set(texts) for texts in zip(*found, strict=True)) if found else ((), (), ())
        if len(addresses) > 1:
            raise BadRequest(msg="Forwarded and X-Forwarded-For name different clients.")
        request.client_ip = next(iter(addresses), request.client_ip)
        # What only one of the two says may be the client's own word: it knows its address.
        if len(schemes) == 1 and (scheme := schemes.pop().lower()) in {"http", "https"}:
            request.scheme = scheme
        if len(hosts) == 1 and _is_host(host := hosts.pop()):
            request.index = {**request.index, b"host": host.encode("latin-1")}

    def _find(self, peer: str, hops: list[str], schemes: list[str], hosts: list[str]) -> tuple[str, str, str]:
        """The right-most address that is no trusted proxy, with the scheme and host at its place from the right.

        What is no address ends the way: the last one known is the client then.
        """
        client, at = peer, 1
        for place, hop in enumerate(hops[: -_HOPS_MAX - 1 : -1], 1):
            parsed = parse_address(hop)
            if parsed is None:
                break
            client, at = str(parsed), place
            if not self.is_trusted(client):
                break
        return client, schemes[-min(at, len(schemes))], hosts[-min(at, len(hosts))]


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


def _read_x(request: Request) -> list[list[str]]:
    texts = [request.header(f"x-forwarded-{name}") for name in ("for", "proto", "host")]
    return [[part.strip() for part in (text or "").split(",")] for text in texts] if any(texts) else []


def _read_forwarded(request: Request) -> list[list[str]]:
    # RFC 7239; the right end counts.
    elements = []
    for element in _ELEMENT.findall((request.header("forwarded") or "")[-1024:]):
        pairs = (match for part in element.split(";") if (match := _PAIR.fullmatch(part)))
        elements.append({pair[1].lower(): pair[2] or pair[3] or "" for pair in pairs})
    return [[element.get(name, "") for element in elements] for name in ("for", "proto", "host")] if elements else []


def _is_host(text: str) -> bool:
    try:
        return bool(check_host(text.encode("latin-1", "replace")))
    except BadRequest:
        return False
