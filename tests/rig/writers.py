"""Writers that keep a record of what was acknowledged, for tests that break a database meanwhile.

In: an open database. Out: unique ids inserted, increments acknowledged, failures, and how long each operation
took. What was acknowledged must be there afterwards; what failed may be.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from core.data.databases import Databases
from core.errors import StoreError
from core.schema.model import Model
from tests.rig.checkers import Difference, compare


class Entry(Model, identity="rig-entry", version="1.0", collection="rig-entries"):
    """A document that one writer inserted."""

    oid: Any
    writer: int = 0


class Tally(Model, identity="rig-tally", version="1.0", collection="rig-tallies"):
    """A counter that all writers increase."""

    oid: str
    count: int = 0


@dataclass
class Record:
    """What the clients of a database saw."""

    acknowledged: list[str] = field(default_factory=list)
    increments: int = 0
    failures: list[tuple[float, BaseException]] = field(default_factory=list)
    longest_s: float = 0
    last_ok_at: float = 0
    operations: int = 0


class Writers:
    """Tasks that insert an entry and (unless `counts=False`) increase the counter in turn until they are stopped."""

    def __init__(self, databases: Databases, count: int, *, counts: bool = True) -> None:
        self.record = Record()
        self._databases = databases
        self._stop = asyncio.Event()
        self._count = count
        self._counts = counts
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        await self._databases[Tally].insert(Tally(oid="tally"))
        self._tasks = [asyncio.ensure_future(self._write(number)) for number in range(self._count)]

    async def stop(self) -> Record:
        self._stop.set()
        await asyncio.gather(*self._tasks)
        return self.record

    async def _write(self, writer: int) -> None:
        number = 0
        while not self._stop.is_set():
            name = f"{writer}-{number}"
            number += 1
            if await self._attempt(self._databases[Entry].insert(Entry(oid=name, writer=writer))):
                self.record.acknowledged.append(name)
            counting = self._databases[Tally].update_one
            if self._counts and await self._attempt(counting({"_id": "tally"}, {"$inc": {"count": 1}})):
                self.record.increments += 1

    async def _attempt(self, operation: Any) -> bool:
        started = time.monotonic()
        try:
            await operation
        except StoreError as error:
            self.record.failures.append((started, error))
            return False
        finally:
            now = time.monotonic()
            self.record.operations += 1
            self.record.longest_s = max(self.record.longest_s, now - started)
        self.record.last_ok_at = now
        return True

    async def check(self) -> tuple[Difference, int]:
        """What was acknowledged against what is stored, and the counter."""
        stored = [entry.oid async for entry in self._databases[Entry].iterate()]
        known = set(self.record.acknowledged)
        tally = await self._databases[Tally].get("tally")
        assert tally is not None
        # An insert that failed may have happened: it is neither lost nor twice.
        return compare(known, [name for name in stored if name in known]), tally.count
