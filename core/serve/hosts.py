"""Virtual hosts: which host ids a host name stands for.

In: the `hosts` of the settings; per request the checked name of the Host header. Out: host ids, most
specific first, for `matcher.py`; or 421.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import Misdirected
from core.settings import Host


class Hosts:
    """Host names and patterns: `*.example.com` stands for every name below `example.com`, `*` for all."""

    def __init__(self, hosts: Sequence[Host] = ()) -> None:
        self._names: dict[str, dict[str, None]] = {}
        for host in hosts:
            for name in host.names:
                self._names.setdefault(name.lower().removesuffix("."), {})[host.id] = None

    def resolve(self, name: str) -> tuple[str, ...]:
        """Ids of the hosts that answer to a name, the most specific first; none where no hosts are configured.

        Raises:
            Misdirected: hosts are configured and none of them is meant.
        """
        parts = name.split(".")
        patterns = [name, *("*." + ".".join(parts[index:]) for index in range(1, len(parts))), "*"]
        ids = dict.fromkeys(found for pattern in patterns for found in self._names.get(pattern, ()))
        if self._names and not ids:
            raise Misdirected
        return tuple(ids)
