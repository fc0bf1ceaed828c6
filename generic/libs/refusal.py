"""Answers to those who may not: codes, texts and headers as mia's clients know them, and a line in the log.

Nothing secret is logged: neither keys nor signatures, sent or expected. Of identical refusals ten a second are
logged; the next line says how many were left out.
"""

from __future__ import annotations

import logging
from time import monotonic
from typing import Final

from core import Context, Forbidden, HTTPError, Unauthorized

_log = logging.getLogger("catena.access")
_PER_SECOND: Final = 10
GROUP: Final = "generic-translations"


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


_samples: Final[dict[str, _Sample]] = {}


def unauthorized(ctx: Context, code: str = "KeyInvalid", *, device_id: str = "") -> HTTPError:
    """401, with the challenge that mia's clients know."""
    request = ctx.request
    realm = f'Token realm="{request.scheme}://{request.host}{ctx.route.prefix}"'
    return _refuse(ctx, Unauthorized(code, ctx.t(GROUP, code), headers={"WWW-Authenticate": realm}), device_id)


def forbidden(ctx: Context, code: str, *, device_id: str = "") -> HTTPError:
    """403."""
    return _refuse(ctx, Forbidden(code, ctx.t(GROUP, code)), device_id)


def _refuse(ctx: Context, error: HTTPError, device_id: str) -> HTTPError:
    left_out = _samples.setdefault(error.code, _Sample()).take()
    if left_out >= 0:
        who = {"device": device_id[:32], "client_ip": ctx.request.client_ip, "route": ctx.route.identity}
        extra = {"action": "access.refused", "code": error.code, "left_out": left_out, "request_id": ctx.request.id}
        _log.info("access refused: %s", error.code, extra=extra | who)
    return error
