"""Tidying up behind very many devices: a few at a time, so that no statement runs out of time and is undone."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import import_module

import pytest

from core import Job
from core.testing import make_app
from generic.models.device import Device

OLD = datetime(2020, 1, 1, tzinfo=UTC)


async def test_devices_go_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module("generic.crons.devices")
    monkeypatch.setattr(module, "_AT_ONCE", 3)
    async with make_app("projects/demo") as app:
        devices = app.db[Device]
        for number in range(11):
            await devices.insert(Device(last_modified=OLD, status="inactive" if number else "active"))
        sizes = []
        job = Job(app.app.context, "generic-removeDevices", OLD)
        async for part in module._slice(job, {"status": "inactive"}):
            sizes.append(len(part["_id"]["$in"]))
            assert await devices.delete_many(part) == sizes[-1]
            job.stop_requested = len(sizes) == 2
        assert (sizes, await devices.count()) == ([3, 3], 5)
        await app.run_cron("generic-removeDevices")
        assert await devices.count() == 0
