"""The job that makes indexes at night, on a real MongoDB."""

from __future__ import annotations

from core.cron.job import Job
from core.testing import make_app
from generic.crons.indexes import ensure_indexes
from generic.models.device import Device
from tests.tree import ROOT


async def test_missing_indexes_are_made_and_others_stay_unless_they_are_to_go(mongo_url: str) -> None:
    for prune in (False, True):
        project = {"generic-indexes": {"auto_start": True, "prune": prune}}
        async with make_app(ROOT / "projects" / "demo", mongo=mongo_url, projects=project) as app:
            devices = app.db[Device].raw
            declared = set(await devices.index_information())
            gone = next(name for name in sorted(declared) if name != "_id_")
            await devices.drop_index(gone)
            await devices.create_index("own", name="own")
            await ensure_indexes(Job(app.app.context, "generic-ensureIndexes", app.app.context.now()))
            assert set(await devices.index_information()) == declared | ({"own"} if not prune else set())


async def test_without_the_setting_it_works_only_when_somebody_asks(mongo_url: str) -> None:
    async with make_app(ROOT / "projects" / "demo", mongo=mongo_url) as app:
        devices = app.db[Device].raw
        gone = next(name for name in sorted(await devices.index_information()) if name != "_id_")
        await devices.drop_index(gone)
        await ensure_indexes(Job(app.app.context, "generic-ensureIndexes", app.app.context.now()))
        assert gone not in await devices.index_information()
        await app.run_cron("generic-ensureIndexes")
        assert gone in await devices.index_information()
