"""Security events: who was refused what, from where, with which outcome; a flood of them stays a few lines.

In: an error that a chain ended with. Out: a line in the log, where it is 401, 403 or 429. Neither keys nor signatures
stand in it, sent or expected. Called by `chain.py`.
"""

from __future__ import annotations

import logging
from time import monotonic
from typing import Final

from core.errors import HTTPError
from core.log import count_dropped
from core.serve.request import Request

_log = logging.getLogger("catena.access")
_ACTIONS: Final = {401: "access.refused", 403: "access.refused", 429: "limit.refused"}
_PER_SECOND: Final = 10
_KINDS: Final = 1_000


class Refusals:
    """Those of one worker. Of one code ten a second are logged; the next line says how many were left out."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[float, int]] = {}  # by code: since when, and how many

    def note(self, request: Request, route: str, error: HTTPError) -> None:
        """Log the error if it refuses somebody; `error.actor` says whom, as far as that is known."""
        action = _ACTIONS.get(error.status)
        if action is None:
            return
        code = error.code if error.code in self._counts or len(self._counts) < _KINDS else ""
        since, count = self._counts.get(code, (0.0, 0))
        left_out, now = 0, monotonic()
        if now - since >= 1:
            left_out, since, count = max(0, count - _PER_SECOND), now, 0
        self._counts[code] = since, count + 1
        if count >= _PER_SECOND:
            count_dropped(1)
            return
        who = {"actor": error.actor[:64], "client_ip": request.client_ip, "route": route}
        extra = {"action": action, "code": error.code, "left_out": left_out, "request_id": request.id}
        _log.info("refused: %s", error.code, extra=extra | who)
