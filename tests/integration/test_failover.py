"""DB-1: three step-downs of the primary under eight writers, and nobody notices but the clock."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.mongo import opened, wait_until
from tests.rig.replica_set import replica_set
from tests.rig.writers import Writers


async def test_DB_1_three_step_downs_lose_nothing_and_fail_nothing(mongod_binary: Path) -> None:
    with replica_set(mongod_binary) as rs:
        async with opened(rs.url(), "failover") as databases:
            writers = Writers(databases, 8)
            await writers.start()
            for _ in range(3):
                await asyncio.to_thread(rs.step_down)
                await asyncio.to_thread(rs.await_all)
                before = len(writers.record.acknowledged)
                await asyncio.to_thread(wait_until, lambda: len(writers.record.acknowledged) > before + 100)  # noqa: B023
            record = await writers.stop()
            difference, count = await writers.check()
    print(f"{record.operations} operations, longest {record.longest_s:.2f} s")
    assert not difference
    assert record.failures == []
    assert count == record.increments
    assert record.longest_s <= 3
