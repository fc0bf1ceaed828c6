"""On a developer's machine: the secret and the static key that mia's demo published. They exist nowhere else."""

from __future__ import annotations

from contextlib import suppress

from core import AppContext, DuplicateKey, init
from generic.models.device import Device, DeviceAccess, DeviceSession
from generic.models.secret import SharedSecret
from projects.demo.models.todo import GROUP

STATIC_KEY = "9cd43d5622a2fa78b67b3412a2d8c614"


@init(order=20)
async def seed_access(app: AppContext) -> None:
    """Everybody knows them, so no other mode has them: there `server.py <mode> secret create` makes one."""
    if app.mode != "local":
        return
    secret = SharedSecret(
        id="91205b43c5144068ee9979b093925f77",
        secret="74168c7a1868ddeee3355fab9489914b",  # noqa: S106  published by mia.js
        groups=[GROUP],
    )
    with suppress(DuplicateKey):
        await app.db[SharedSecret].insert(secret)
    access = DeviceAccess(key=STATIC_KEY, cidr=["0.0.0.0/0", "::/0"], groups=[GROUP])
    device = Device(status="active", access=access, session=DeviceSession(expireable=False))
    with suppress(DuplicateKey):
        await app.db[Device].insert(device)
