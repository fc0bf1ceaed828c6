"""A signing client, and the vault: an application with every kind of protected route.

In: the Python client of docs/howto/signed-requests.md, which is the only other implementation of the signatures, so
that server and client are checked against each other. Out: requests that are valid until a test changes them.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest

from core.testing import Reply, TestApp, make_app
from generic.libs.access import access_of
from generic.libs.device_keys import issue_key
from generic.models.device import Device, DeviceAccess
from generic.models.secret import SharedSecret
from generic.models.seen_request import SeenRequest
from tests.tree import ROOT

VAULT = ROOT / "tests" / "vault"
PAGE = (ROOT / "docs" / "howto" / "signed-requests.md").read_text(encoding="utf-8")

SECRET_ID = "a72d0761805ecfd8733a82e3c4e35439"
SECRET = "190c5535a16ad38d909fac7179aef9be"
OTHER_SECRET_ID, OTHER_SECRET = "b" * 32, "c" * 64
DEVICE_ID = "0123456789abcdef0123456789abcdef"
STATIC_KEY = "9cd43d5622a2fa78b67b3412a2d8c614"
START = datetime.fromtimestamp(1420070400, UTC)
HOST = "http://testserver"


def read_client(language: str) -> str:
    """The client of a language, as it stands in the page."""
    found = [
        text
        for text in re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
        if text[:10] != "# projects"
    ]
    return max(found, key=len)


def _load_client() -> ModuleType:
    module = ModuleType("signing_client")
    exec(compile(read_client("python"), "signed-requests.md", "exec"), module.__dict__)
    return module


client = _load_client()


@dataclass
class Clock:
    """The time of the application under test."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def pass_(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Signed:
    """A request as it goes over the wire."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""

    def with_(self, **changes: Any) -> Signed:
        return replace(self, **changes)

    def with_headers(self, **headers: str | None) -> Signed:
        merged = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return replace(self, headers={name: value for name, value in merged.items() if value is not None})


@dataclass
class Vault:
    """The vault, running on a real MongoDB, with a secret, a device of 1.0 and one of 2.0."""

    app: TestApp
    clock: Clock
    v2_id: str = ""
    v2_key_id: str = ""
    v2_key: str = ""
    made: int = field(default=0)

    @property
    def seconds(self) -> int:
        return int(self.clock.at.timestamp())

    async def send(self, request: Signed) -> Reply:
        return await self.app.client.request(
            request.method, request.path, content=request.body, headers=dict(request.headers)
        )

    def v1(
        self, method: str, path: str, body: bytes = b"", *, kind: str = "application/json", **changes: Any
    ) -> Signed:
        """A valid request of version 1.0; `changes`: `seconds device secret_id secret host`."""
        who = changes.get("device", DEVICE_ID), changes.get("secret_id", SECRET_ID), changes.get("secret", SECRET)
        url = changes.get("host", HOST) + path
        key = client.sign_v1(*who, method, url, body, changes.get("seconds", self.seconds))
        return Signed(method, path, {"key": key, **({"content-type": kind} if body else {})}, body)

    def v2(
        self, method: str, path: str, body: bytes = b"", *, kind: str = "application/json", **changes: Any
    ) -> Signed:
        """A valid request of version 2.0 in the header `key`; `changes`: `seconds nonce device key_id key host`."""
        who = changes.get("device", self.v2_id), changes.get("key_id", self.v2_key_id), changes.get("key", self.v2_key)
        url, kind = changes.get("host", HOST) + path, kind if body else ""
        when = changes.get("seconds", self.seconds), changes.get("nonce")
        key = client.sign_v2(*who, method, url, body, kind, *when)
        return Signed(method, path, {"key": key, **({"content-type": kind} if body else {})}, body)

    def message(
        self, method: str, path: str, body: bytes = b"", *, kind: str = "application/json", **changes: Any
    ) -> Signed:
        """A valid request of version 2.0 as an HTTP Message Signature; `changes` as for `v2`."""
        who = changes.get("device", self.v2_id), changes.get("key_id", self.v2_key_id), changes.get("key", self.v2_key)
        url = changes.get("host", HOST) + path
        when = changes.get("seconds", self.seconds), changes.get("nonce")
        headers = client.sign_message(*who, method, url, body, *when)
        lower = {name.lower(): value for name, value in headers.items()}
        return Signed(method, path, {**lower, **({"content-type": kind} if body else {})}, body)

    async def add_device(self, **values: Any) -> Device:
        return await self.app.db[Device].insert(
            Device(**{"created": self.clock.at, "last_modified": self.clock.at, **values})
        )

    async def add_static(self, key: str = STATIC_KEY, **access: Any) -> Device:
        values = {"cidr": ["127.0.0.0/8"], "groups": ["vault"], **access}
        return await self.add_device(status="active", access=DeviceAccess(key=key, **values))

    async def add_v2_device(self, group: str = "vault", **values: Any) -> tuple[str, str, str]:
        """Device id, key id and key of a new device."""
        device = Device(created=self.clock.at, last_modified=self.clock.at, **values)
        key, issued = issue_key(device.id, group, self.clock.at, access_of(self.app.app.context).sealer)
        device.keys = [key]
        await self.app.db[Device].insert(device)
        return device.id, issued.id, issued.key

    async def settle(self) -> None:
        """The inhabitants as they are at the start; a second later, so that no signature comes twice."""
        self.clock.pass_(1)
        for model in (Device, SharedSecret, SeenRequest):
            await self.app.db[model].delete_many({})
        self.forget()
        secrets = self.app.db[SharedSecret]
        await secrets.insert(SharedSecret(id=SECRET_ID, secret=SECRET, groups=["vault"]))
        await secrets.insert(SharedSecret(id=OTHER_SECRET_ID, secret=OTHER_SECRET, groups=["other"]))
        await self.add_device(id=DEVICE_ID, status="active")
        self.v2_id, self.v2_key_id, self.v2_key = await self.add_v2_device(status="active")

    def forget(self) -> None:
        """As if every cached value were too old."""
        access = access_of(self.app.app.context)
        for cache in (access.secrets, access.devices, access.static_keys, access._renewed):
            cache._known.clear()
            cache._absent.clear()


@asynccontextmanager
async def open_vault(mongo_url: str, clock: Clock | None = None, **settings: Any) -> AsyncIterator[Vault]:
    """The vault with its inhabitants."""
    clock = clock or Clock()
    async with make_app(VAULT / "projects" / "vault", mongo=mongo_url, clock=clock, **settings) as app:
        vault = Vault(app, clock)
        await vault.settle()
        yield vault


@pytest.fixture(scope="module")
async def shared(mongo_url: str) -> AsyncIterator[Vault]:
    """One vault for the tests of a file; they ask for `vault`."""
    async with open_vault(mongo_url) as vault:
        yield vault


@pytest.fixture
async def vault(shared: Vault) -> AsyncIterator[Vault]:
    """The vault as it was at first, a second later, so that no signature comes twice."""
    await shared.settle()
    yield shared
    await shared.app.app.context.background.drain(5)


def code_of(reply: Reply) -> tuple[int, str]:
    """Status and code of an answer."""
    return (reply.status, "") if reply.status == 200 else (reply.status, reply.json()["errors"][0]["code"])
