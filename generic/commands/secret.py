"""Secrets of version 1.0 by hand: `python server.py <mode> secret create|list|disable|rotate --group demo`.

A secret is shown once, when it is made. Source: mia.js seeded well-known ones; nothing does that here but the mode
`local`.
"""

from __future__ import annotations

from datetime import timedelta

from core import AppContext, ConfigError, command
from generic.libs.secrets import create_secret, disable_secrets, find_secrets, rotate_secrets


@command("secret create")
async def create(app: AppContext, *, group: str, description: str = "") -> None:
    """Make a secret for a group of routes (several: separated by commas) and show it, this once."""
    _show(*await create_secret(app, _some_groups("secret create", group), description))


@command("secret list")
async def list_all(app: AppContext, *, group: str = "") -> None:
    """Every secret by its id, or those of a group; the secrets themselves are never shown."""
    for secret in await find_secrets(app, _groups(group)):
        ends = f", until {secret.expires:%Y-%m-%d %H:%M} UTC" if secret.expires is not None else ""
        state = "enabled" if secret.enabled else "disabled"
        made = f"{secret.created:%Y-%m-%d}" if hasattr(secret.created, "year") else "?"
        _say(f"{secret.id}  {','.join(secret.groups)}  {state}{ends}  made {made}  {secret.description or ''}".rstrip())


@command("secret disable")
async def disable(app: AppContext, *, id: str = "", group: str = "") -> None:
    """Refuse a secret (--id), or all of a group (--group); every server does so within five seconds."""
    if not id and not group:
        raise ConfigError("secret disable", "needs --id or --group")
    _say(f"{await disable_secrets(app, id, _groups(group))} disabled")


@command("secret rotate")
async def rotate(app: AppContext, *, group: str, overlap_hours: float = 168.0) -> None:
    """Make a new secret for a group and show it, this once; those it has now go on for the overlap."""
    groups = _some_groups("secret rotate", group)
    created, ending = await rotate_secrets(app, groups, timedelta(hours=overlap_hours))
    _show(*created)
    _say(f"{ending} older end in {overlap_hours:g} hours")


def _groups(text: str) -> list[str]:
    return [part.strip().lower() for part in text.split(",") if part.strip()]


def _some_groups(command: str, text: str) -> list[str]:
    groups = _groups(text)
    if not groups:
        raise ConfigError(command, "needs --group")
    return groups


def _show(secret_id: str, text: str) -> None:
    _say(f"id: {secret_id}")
    _say(f"secret: {text}")


def _say(line: str) -> None:
    print(line)  # noqa: T201  a command's answer
