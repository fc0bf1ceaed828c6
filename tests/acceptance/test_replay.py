"""Requests that come again, and what a mode demands at start, over the whole application and a real MongoDB."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Any

import pytest

from core import ConfigError, DuplicateKey
from core.testing import make_app
from generic.models.device import Device
from generic.models.seen_request import SeenRequest
from tests.signing import STATIC_KEY, VAULT, Signed, Vault, code_of, shared, vault

__all__ = ["shared", "vault"]

BODY = b'{"name":"Buy MILK"}'


@pytest.mark.parametrize("form", ["v1", "v2", "message"])
async def test_SIG_2_an_unsafe_request_counts_once(vault: Vault, form: str) -> None:
    path = "/v1/json" if form == "v1" else "/v2/json"
    request = getattr(vault, form)("POST", path, BODY)
    replies = await asyncio.gather(*(vault.send(request) for _ in range(50)))
    assert sorted({code_of(reply) for reply in replies}) == [(200, ""), (401, "KeyReplayed")]
    assert [reply.status for reply in replies].count(200) == 1


@pytest.mark.parametrize(("form", "prefix"), [("v1", "/all1"), ("v2", "/all2"), ("message", "/all2")])
async def test_safe_requests_count_once_where_the_route_says_so(vault: Vault, form: str, prefix: str) -> None:
    request = getattr(vault, form)("GET", f"{prefix}/items")
    assert [(await vault.send(request)).status for _ in range(3)] == [200, 401, 401]
    free = getattr(vault, form)("GET", "/v1/items" if form == "v1" else "/v2/items")
    assert [(await vault.send(free)).status for _ in range(3)] == [200, 200, 200]


async def test_without_the_guard_a_request_counts_again(vault: Vault) -> None:
    request = vault.v1("POST", "/off/json", BODY)
    assert [(await vault.send(request)).status for _ in range(2)] == [200, 200]


async def test_two_equal_requests_of_1_0_in_one_second_are_one(vault: Vault) -> None:
    """Documented: 1.0 has no nonce."""
    assert (await vault.send(vault.v1("POST", "/v1/json", BODY))).status == 200
    assert code_of(await vault.send(vault.v1("POST", "/v1/json", BODY))) == (401, "KeyReplayed")
    vault.clock.pass_(1)
    assert (await vault.send(vault.v1("POST", "/v1/json", BODY))).status == 200


async def test_what_was_seen_is_kept_for_as_long_as_it_could_come_again(vault: Vault) -> None:
    seen = vault.app.db[SeenRequest]
    await seen.delete_many({})
    await vault.send(vault.v2("POST", "/v2/json", BODY, seconds=vault.seconds + 200))
    (kept,) = await seen.find({})
    assert kept.exp - vault.clock.at == timedelta(seconds=200 + 2 * 300 + 60)
    indexes = await seen.raw.index_information()
    assert indexes["exp"]["expireAfterSeconds"] == 0
    with pytest.raises(DuplicateKey):
        await seen.insert(kept)


async def test_SIG_9_bad_signatures_leave_no_trace(vault: Vault) -> None:
    seen = vault.app.db[SeenRequest]
    before = await seen.count()
    for form, path in (("v1", "/v1/json"), ("v2", "/v2/json"), ("message", "/v2/json")):
        request = getattr(vault, form)("POST", path, BODY)
        for _ in range(100):
            assert (await vault.send(request.with_(body=b"{}"))).status == 401
    assert await seen.count() == before
    assert await vault.app.db[Device].count({"status": "inactive"}) == 0


# A device's own limit


@pytest.mark.parametrize("form", ["v1", "v2", "message", "static"])
async def test_a_device_has_a_limit_of_its_own(vault: Vault, form: str) -> None:
    await vault.add_static()
    await vault.app.db[Device].update_many({}, {"$set": {"rateLimit": {"interval": 1, "maxRequests": 3}}})
    vault.forget()
    prefix = "/v2" if form in {"v2", "message"} else "/v1"
    statuses = []
    for number in range(5):
        path = f"{prefix}/items?n={number}"
        request = Signed("GET", path, {"key": STATIC_KEY}) if form == "static" else getattr(vault, form)("GET", path)
        reply = await vault.send(request)
        statuses.append(code_of(reply))
        assert reply.headers["x-rate-limit-limit"] == "3"
    assert statuses == [(200, "")] * 3 + [(429, "RateLimitExceededForKey")] * 2
    assert "retry-after" in reply.headers


async def test_an_absurd_limit_is_none(vault: Vault) -> None:
    for limit in ({}, {"interval": 0, "maxRequests": 1}, {"interval": 1, "maxRequests": -1}):
        await vault.app.db[Device].update_many({}, {"$set": {"rateLimit": limit}})
        vault.forget()
        assert (await vault.send(vault.v2("GET", "/v2/items"))).status == 200


# At start


async def test_SIG_11_routes_that_accept_1_0_are_named_at_start(mongo_url: str, caplog: Any) -> None:
    logger = logging.getLogger("catena.access")
    logger.addHandler(caplog.handler)
    caplog.set_level(logging.INFO, "catena.access")
    try:
        async with make_app(VAULT / "projects" / "vault", mongo=mongo_url):
            record = next(record for record in caplog.records if getattr(record, "action", "") == "access.v1")
    finally:
        logger.removeHandler(caplog.handler)
    assert record.getMessage().endswith(": items, below, json, form, text, raw, files, stream, update-1, first-key")


@pytest.mark.parametrize("mode", ["production", "prod_eu"])
async def test_production_refuses_routes_without_the_guard_or_a_seal(mongo_url: str, mode: str) -> None:
    with pytest.raises(ConfigError, match="sealing_secret: is needed by route"):
        async with make_app(VAULT / "projects" / "vault", mongo=mongo_url, mode=mode):
            pass
    sealing = {"generic-access": {"sealing_secret": "a text of thirty-two characters or more"}}
    with pytest.raises(ConfigError, match="replay: must not be off in mode"):
        async with make_app(VAULT / "projects" / "vault", mongo=mongo_url, mode=mode, projects=sealing):
            pass
