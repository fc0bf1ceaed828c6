"""Answers to those who may not: codes, texts and headers as mia's clients know them. Core logs them with the actor."""

from __future__ import annotations

from typing import Final

from core import Context, Forbidden, HTTPError, Unauthorized

GROUP: Final = "generic-translations"


def unauthorized(ctx: Context, code: str = "KeyInvalid", *, device_id: str = "") -> HTTPError:
    """401, with the challenge that mia's clients know."""
    request = ctx.request
    realm = f'Token realm="{request.scheme}://{request.host}{ctx.route.prefix}"'
    error = Unauthorized(code, ctx.t(GROUP, code), headers={"WWW-Authenticate": realm})
    error.actor = device_id
    return error


def forbidden(ctx: Context, code: str, *, device_id: str = "") -> HTTPError:
    """403."""
    error = Forbidden(code, ctx.t(GROUP, code))
    error.actor = device_id
    return error
