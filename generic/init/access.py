"""At start: what a mode demands of signed routes is checked, and what is old or open is said aloud."""

from __future__ import annotations

import logging
from contextlib import suppress

from core import AppContext, ConfigError, DuplicateKey, init
from generic.controllers.access_key import IDENTITY
from generic.libs.access import access_of
from generic.libs.sealing import SETTING
from generic.models.secret import SharedSecret

_log = logging.getLogger("catena.access")
_SEALING = (f"{IDENTITY}@2.0.", "generic-deviceProfile@2.0.create", "generic-deviceKeys@1.0.create")


@init(order=10)
async def check_access(app: AppContext) -> None:
    """Refuses to start without what signed routes need; names the routes that accept signatures of version 1.0."""
    production = app.mode.lower().startswith("prod")
    old: dict[str, None] = {}
    for route in app.linked.routes:
        for step in route.steps:
            if step.action.label.startswith(_SEALING) and not access_of(app).sealer.can_seal:
                raise ConfigError(SETTING, f"is needed by route '{route.identity}': keys of devices are stored sealed")
            if not step.action.label.startswith(f"{IDENTITY}@"):
                continue
            options = step.options["options"]
            if options.replay == "off" and production:
                raise ConfigError("replay", f"must not be off in mode {app.mode}: route '{route.identity}'")
            if step.action.label.startswith(f"{IDENTITY}@1.0.") or options.accept_v1:
                old[route.identity] = None
    if old:
        text = "routes that accept signatures of version 1.0, which do not protect letter case: %s"
        _log.info(text, ", ".join(old), extra={"action": "access.v1"})


@init(order=20)
async def seed_local_secret(app: AppContext) -> None:
    """Mia's well-known secret of the generic group: everybody knows it, so it exists in the mode `local` only."""
    if app.mode == "local":
        known = SharedSecret(
            id="6ff870ad33a86982550543e2f92623c5",
            secret="10f2bde9a138ef5aeed40812b0a1594b",  # noqa: S106  published by mia.js
            groups=["generic"],
        )
        with suppress(DuplicateKey):
            await app.db[SharedSecret].insert(known)
