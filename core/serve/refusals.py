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


class _Sample:
    """How many of a kind were logged in this second, and left out."""

    __slots__ = ("left_out", "logged", "since")

    def __init__(self) -> None:
        self.since = 0.0
        self.logged = self.left_out = 0

    def take(self) -> int:
        """How many were left out before this one; -1 to leave it out, too."""
        now = monotonic()
        if now - self.since >= 1:
            left_out, self.since, self.logged, self.left_out = self.left_out, now, 1, 0
            return left_out
        self.logged += 1
        self.left_out += self.logged > _PER_SECOND
        return 0 if self.logged <= _PER_SECOND else -1


class Refusals:
    """Those of one worker. Of one code ten a second are logged; the next line says how many were left out."""

    def __init__(self) -> None:
        self._samples: dict[str, _Sample] = {}

    def note(self, request: Request, route: str, error: HTTPError) -> None:
        """Log the error if it refuses somebody; `error.actor` says whom, as far as that is known."""
        action = _ACTIONS.get(error.status)
        if action is None:
            return
        code = error.code if error.code in self._samples or len(self._samples) < _KINDS else ""
        left_out = self._samples.setdefault(code, _Sample()).take()
        if left_out < 0:
            count_dropped(1)
            return
        who = {"actor": error.actor[:64], "client_ip": request.client_ip, "route": route}
        extra = {"action": action, "code": error.code, "left_out": left_out, "request_id": request.id}
        _log.info("refused: %s", error.code, extra=extra | who)
