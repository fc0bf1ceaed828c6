"""Virtual hosts: which host ids a host name stands for.

In: the `hosts` of the settings; per request the checked name of the Host header. Out: host ids, most
specific first, for `matcher.py`; or 421.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.errors import Misdirected
from core.settings import Host


class Hosts:
    """Host names and patterns, looked up by name.

    A pattern `*.example.com` stands for every name below `example.com`, `*` for every name at all.
    """

    def __init__(self, hosts: Sequence[Host] = ()) -> None:
        self._names: dict[str, list[str]] = {}
        self._configured = bool(hosts)
        for host in hosts:
            for name in host.names:
                ids = self._names.setdefault(name.lower().removesuffix("."), [])
                if host.id not in ids:
                    ids.append(host.id)

    def resolve(self, name: str) -> tuple[str, ...]:
        """Ids of the hosts that answer to a name, the most specific name first.

        Args:
            name: lower case, without port, as `gate.check_host` gives it.

        Returns:
            Nothing when no hosts are configured: then every name is served.

        Raises:
            Misdirected: hosts are configured and none of them is meant.
        """
        if not self._configured:
            return ()
        ids = tuple(dict.fromkeys(found for pattern in _patterns(name) for found in self._names.get(pattern, ())))
        if not ids:
            raise Misdirected
        return ids


def _patterns(name: str) -> Iterator[str]:
    """`a.b.c` → `a.b.c`, `*.b.c`, `*.c`, `*`."""
    yield name
    _, dot, rest = name.partition(".")
    while dot:
        yield f"*.{rest}"
        _, dot, rest = rest.partition(".")
    yield "*"
