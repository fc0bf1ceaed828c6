"""DB-1: three step-downs of the primary under eight writers lose nothing, count nothing twice, and nobody sees one.

A write that is interrupted while it waits for the majority is repeated by the driver, once and at once, and so must go
to another member. Clients that are told of a step-down usually hear in time; those that ask now and then never do.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.mongo import opened, wait_until
from tests.rig.replica_set import replica_set
from tests.rig.writers import Writers

pytestmark = pytest.mark.alone

WRITERS, STEP_DOWNS = 8, 3


@pytest.mark.parametrize("monitoring", ["auto", "poll"])
async def test_DB_1_nobody_sees_three_step_downs(mongod_binary: Path, monitoring: str) -> None:
    with replica_set(mongod_binary) as rs:
        async with opened(f"{rs.url()}&serverMonitoringMode={monitoring}", "failover") as databases:
            # Where the client is not told, increments would tell it: they mark the member for all.
            writers = Writers(databases, WRITERS, counts=monitoring == "auto")
            await writers.start()
            for number in range(STEP_DOWNS + 1):
                before = len(writers.record.acknowledged)
                await asyncio.to_thread(wait_until, lambda: len(writers.record.acknowledged) > before + 100)  # noqa: B023
                if number < STEP_DOWNS:
                    await asyncio.to_thread(rs.step_down)
                    await asyncio.to_thread(rs.await_all)
            record = await writers.stop()
            difference, count = await writers.check()
    print(f"{record.operations} operations, {len(record.failures)} failed, longest {record.longest_s:.2f} s")
    assert not difference
    assert count == record.increments
    assert [repr(error.__cause__)[:300] for _, error in record.failures] == []
    assert record.longest_s <= 3
