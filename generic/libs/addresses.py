"""Addresses of clients and the networks they may come from; pure.

Source: mia.js 5.2.3, with IPv4-mapped addresses (`::ffff:10.0.0.1`) read as the IPv4 address that they are: there
block lists failed open on dual-stack sockets.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_address(text: str) -> Address | None:
    """The address, or `None` where the text is none."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


@lru_cache(maxsize=1024)
def _parse_network(text: str) -> Network | None:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return ipaddress.ip_network(f"{mapped}/{network.prefixlen - 96}", strict=False)
    return network


def is_within(address: Address, networks: Iterable[str]) -> bool:
    """Whether the address lies in one of the networks; a text that is no network holds nothing."""
    return any(network is not None and address in network for network in map(_parse_network, networks))


def network_of(address: Address) -> str:
    """The network of a client for as long as a session lasts: an IPv4 address, or the /64 of an IPv6 one."""
    return f"{address}/32" if address.version == 4 else str(ipaddress.ip_network(f"{address}/64", strict=False))
