"""`ctx.http`: the declared upstreams by name. Next: `client.py`, which is loaded with the first call only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.data.cache import RecordCache
from core.data.deadline import Trace
from core.declare.upstream import Upstream
from core.errors import UnresolvedReference
from core.source import author_source

if TYPE_CHECKING:
    from core.http.client import Client


class Upstreams:
    """Every upstream of an application: `http["weather"]`; `clients` are those that were called."""

    def __init__(
        self, declared: Sequence[Upstream] = (), cache: RecordCache | None = None, trace: Trace | None = None
    ) -> None:
        self._declared = {upstream.identity: upstream for upstream in declared}
        self._cache = cache or RecordCache()
        self._trace = trace
        self.clients: dict[str, Client] = {}

    def __getitem__(self, identity: str) -> Client:
        """The client of an upstream; an unknown one is an `UnresolvedReference`."""
        client = self.clients.get(identity)
        if client is None:
            if identity not in self._declared:
                hint = f"declared: {', '.join(self._declared) or 'none'}"
                raise UnresolvedReference(author_source(), f"unknown upstream '{identity}'", hint)
            from core.http.client import Client  # loaded with the first call only

            client = self.clients[identity] = Client(self._declared[identity], self._cache, self._trace)
        return client

    async def close(self) -> None:
        """Close every connection."""
        for client in self.clients.values():
            await client.close()
