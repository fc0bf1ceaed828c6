"""Bounds and times of the connections of one worker, shared by all of them.

In: settings. Out: what connections ask and what they repeat in every answer. It looks at each of them twice a
second, which costs a request less than timers of its own. Next: `protocol.py`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

from core.errors import HTTPError
from core.serve.limits import client_key
from core.serve.response import Response
from core.settings import ServerSettings


class Guard:
    """Bounds and times of the connections of one worker.

    `refuse` makes the answer to an error; connections of addresses that `is_exempt` are not counted by client, which
    is an address or an IPv6 network. At stop a connection waits `last_call_s` for the request that its client may
    just have sent. `date` is a header.
    """

    def __init__(
        self, settings: ServerSettings, refuse: Callable[[HTTPError], Response], is_exempt: Callable[[str], bool]
    ) -> None:
        self.limits, self.timeouts = settings.limits, settings.timeouts
        self.refuse = refuse
        self.draining = False
        self.last_call_s = 5.0
        self.date = b""
        self._is_exempt = is_exempt
        self._counts: Counter[str] = Counter()

    def enter(self, address: str, total: int) -> bool:
        """Count a connection; false when it is one too many."""
        client = client_key(address)
        self._counts[client] += 1
        over = self._counts[client] > self.limits.connections_per_address
        return total <= self.limits.connections and (not over or self._is_exempt(address))

    def leave(self, address: str) -> None:
        """It is gone."""
        client = client_key(address)
        self._counts[client] -= 1
        if not self._counts[client]:
            del self._counts[client]

    def watch(self, connections: set[Any], loop: asyncio.AbstractEventLoop) -> None:
        """End the connections whose time is over, now and twice a second."""
        self.date = b"date: %b\r\n" % formatdate(usegmt=True).encode()
        for connection in list(connections):
            connection.check(loop.time())
        loop.call_later(0.5, self.watch, connections, loop)
