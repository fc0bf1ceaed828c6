"""Groups under stress: deadlines, cancelled callers, bounds, failures of the driver. The driver is the stand-in.

Rules as in decision 0016.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

import pytest
from bson.errors import InvalidBSON
from pymongo.errors import AutoReconnect, BulkWriteError, OperationFailure, ServerSelectionTimeoutError, WTimeoutError

from core.data import coalesce as module
from core.data.coalesce import Coalescer
from core.data.databases import Databases
from core.data.deadline import remaining_s
from core.errors import DuplicateKey, NotConnected, StoreError
from core.settings import Mongo
from tests.contract.models import Item
from tests.unit.test_data_calls import deadline


class Gate:
    """The driver's collection, whose calls wait until the gate is open, and may fail."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.open = asyncio.Event()
        self.open.set()
        self.calls: list[Any] = []
        self.limits_ms: list[int] = []
        self.seen: list[Any] = []
        self.error: BaseException | None = None
        self.answer: list[Any] | None = None

    async def _pass(self, what: Any) -> None:
        self.calls.append(what)
        self.seen.append((SETTING.get(), remaining_s()))
        await self.open.wait()
        if self.error is not None:
            raise self.error

    async def find_one(self, query: Any, *, max_time_ms: int) -> Any:
        self.limits_ms.append(max_time_ms)
        await self._pass(query)
        return await self.inner.find_one(query)

    def find(self, query: Any, *, max_time_ms: int, **options: Any) -> Any:
        self.limits_ms.append(max_time_ms)

        async def to_list() -> list[Any]:
            await self._pass(query)
            return self.answer if self.answer is not None else await self.inner.find(query, **options).to_list()

        return SimpleNamespace(to_list=to_list)

    async def insert_one(self, document: Any) -> None:
        await self._pass([document])
        await self.inner.insert_one(document)

    async def insert_many(self, documents: Any, *, ordered: bool) -> None:
        await self._pass(documents)
        await self.inner.insert_many(documents, ordered=ordered)


SETTING: ContextVar[str] = ContextVar("setting", default="")


@pytest.fixture
async def db() -> AsyncIterator[Databases]:
    databases = Databases({}, memory=True)
    await databases.open()
    await databases.ensure_collections([Item])
    yield databases
    await databases.close(1)
    connection = databases._connections["main"]
    assert not connection._waiters
    assert not connection._calls


@pytest.fixture
def gate(db: Databases) -> Gate:
    groups = groups_of(db)
    gate = Gate(groups._driver)
    groups._driver = gate
    return gate


def groups_of(db: Databases) -> Coalescer:
    groups = db[Item].groups
    assert groups is not None
    return groups


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def together(*calls: Any) -> list[Any]:
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_rule_3_a_group_runs_under_the_deadline_of_nobody(db: Databases, gate: Gate) -> None:
    async def ask(key: int, rest_s: float) -> Any:
        SETTING.set(f"of caller {key}")
        with deadline(rest_s):
            return await db[Item].get(key)

    gate.open.clear()
    hasty, patient = asyncio.ensure_future(ask(1, 0.1)), asyncio.ensure_future(ask(2, 3))
    with pytest.raises(NotConnected):
        await hasty
    assert not patient.done()
    gate.open.set()
    assert await patient is None
    assert gate.seen == [("", float("inf"))]
    assert 2000 < gate.limits_ms[0] <= 2950  # the largest that is left


async def test_rule_3_no_group_may_take_longer_than_an_operation(db: Databases, gate: Gate) -> None:
    await together(db[Item].get(1), db[Item].get(2))
    assert gate.limits_ms == [5000]


async def test_without_time_nothing_is_asked(db: Databases, gate: Gate) -> None:
    with deadline(0.04), pytest.raises(NotConnected):
        await db[Item].get(1)
    with deadline(0.04), pytest.raises(NotConnected):
        await db[Item].insert({"name": "a"})
    await turns()
    assert gate.calls == []


async def test_rule_3_a_cancelled_caller_takes_its_entry_along_and_nothing_else(db: Databases, gate: Gate) -> None:
    tasks = [asyncio.ensure_future(db[Item].insert({"name": f"n{number}"})) for number in range(5)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await together(*tasks)
    assert [len(call) for call in gate.calls] == [4]
    assert sorted(await db[Item].distinct("name")) == ["n0", "n2", "n3", "n4"]


async def test_rule_3_a_caller_cancelled_after_the_group_was_sent_changes_nothing(db: Databases, gate: Gate) -> None:
    gate.open.clear()
    tasks = [asyncio.ensure_future(db[Item].insert({"name": f"n{number}"})) for number in range(3)]
    await turns()
    tasks[0].cancel()
    gate.open.set()
    assert [type(one) for one in await together(*tasks)] == [asyncio.CancelledError, Item, Item]
    assert await db[Item].count() == 3


async def test_a_group_in_which_nobody_waits_any_more_is_not_sent(db: Databases, gate: Gate) -> None:
    task = asyncio.ensure_future(db[Item].get(1))
    await asyncio.sleep(0)
    task.cancel()
    await turns()
    assert gate.calls == []
    assert not groups_of(db)._queues
    assert not groups_of(db)._in_flight


async def test_rule_7_a_group_that_was_sent_is_never_joined(db: Databases, gate: Gate) -> None:
    gate.open.clear()
    first = asyncio.ensure_future(db[Item].get(1))
    await turns()
    second = asyncio.ensure_future(db[Item].get(1))
    await turns()
    assert gate.calls == [{"_id": 1}, {"_id": 1}]
    gate.open.set()
    assert await together(first, second) == [None, None]


async def test_rule_7_what_is_awaited_keeps_its_order(db: Databases, gate: Gate) -> None:
    made = await db[Item].insert({"name": "a"})
    assert await db[Item].get(made.oid) == made
    await db[Item].update_one({"_id": made.oid}, {"$set": {"rank": 1}})
    found = await together(db[Item].get(made.oid), db[Item].get(made.oid))
    assert [item.rank for item in found] == [1, 1]


async def test_rule_6_each_client_and_each_field_has_groups_of_its_own(db: Databases, gate: Gate) -> None:
    await together(*(items.get(1) for items in (db[Item], db.background[Item]) for _ in range(2)))
    await together(db[Item].get("x"), db[Item].get_by("name", "x"))
    assert gate.calls == [{"_id": {"$in": [1]}}, {"_id": "x"}, {"name": "x"}]
    assert db.background[Item].groups is not groups_of(db)


async def test_rule_4_groups_are_bounded_in_number_and_size(db: Databases, gate: Gate) -> None:
    gate.open.clear()
    tasks = [asyncio.ensure_future(db[Item].get(number)) for number in range(950)]
    tasks += [asyncio.ensure_future(db[Item].get_by("name", str(number))) for number in range(10)]
    await turns()
    assert [len(next(iter(call.values()))["$in"]) for call in gate.calls] == [100] * 2 + [10]
    gate.open.set()
    assert set(await together(*tasks)) == {None}
    assert groups_of(db).sizes == {("read", 100): 9, ("read", 50): 1, ("read", 10): 1}


async def test_rule_4_groups_of_inserts_are_bounded_in_bytes(db: Databases, gate: Gate) -> None:
    await together(*(db[Item].insert({"name": f"n{n}", "data": {"x": "y" * 300_000}}) for n in range(7)))
    assert [len(call) for call in gate.calls] == [3, 3, 1]


async def test_rule_4_a_full_queue_is_said_at_once(db: Databases, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_QUEUE", 50)
    gate.open.clear()
    tasks = [asyncio.ensure_future(db[Item].get(number)) for number in range(60)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    refused = [task for task in tasks if task.done()]
    assert len(refused) == 10
    assert all(isinstance(task.exception(), NotConnected) for task in refused)
    gate.open.set()
    await together(*tasks)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (AutoReconnect("reset"), NotConnected),
        (WTimeoutError("too slow", 64), NotConnected),
        (OperationFailure("no", 100, {"code": 100, "errmsg": "no"}), StoreError),
        (TypeError("odd"), StoreError),
        (StoreError("mine"), StoreError),
    ],
    ids=["network", "write concern", "refused", "plain", "own"],
)
async def test_rule_1_an_error_is_everybodys_and_nothing_is_sent_again(
    db: Databases, gate: Gate, error: Exception, expected: type[Exception], count: int
) -> None:
    gate.error = error
    outcomes = await together(*(db[Item].insert({"name": f"n{number}"}) for number in range(count)))
    outcomes += await together(*(db[Item].get(number) for number in range(count)))
    assert [type(one) for one in outcomes] == [expected] * 2 * count
    assert len({id(one) for one in outcomes}) == 2 * count
    assert len(gate.calls) == 2


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({"writeConcernErrors": [{"code": 64}], "nInserted": 2}, [NotConnected] * 3),
        ({"writeConcernErrors": [], "nInserted": 1}, [NotConnected] * 3),
        ({"nInserted": 2}, [Item, DuplicateKey, Item]),
    ],
    ids=["write concern", "some are missing", "one of three"],
)
async def test_rule_1_a_partial_outcome(
    db: Databases, gate: Gate, details: dict[str, Any], expected: list[type]
) -> None:
    refused = {"index": 1, "code": 11000, "errmsg": "index: name dup key"}
    gate.error = BulkWriteError({"writeErrors": [refused]} | details)
    outcomes = await together(*(db[Item].insert({"name": f"n{number}"}) for number in range(3)))
    assert [type(one) for one in outcomes] == expected


async def test_rule_1_a_document_that_cannot_be_decoded_is_asked_for_alone(db: Databases, gate: Gate) -> None:
    made = [await db[Item].insert({"_id": number, "name": f"n{number}"}) for number in (1, 2)]
    gate.error = InvalidBSON("no UTF-8")
    gate.calls.clear()
    found = await together(*(db[Item].get(number) for number in (1, 2, 3)))
    assert [one and one.oid for one in found] == [1, 2, None]
    assert found[1] == made[1]
    assert len(gate.calls) == 1  # the others were asked outside the gate, each alone


async def test_more_documents_than_keys_are_no_answer_for_the_others(db: Databases, gate: Gate) -> None:
    gate.answer = [{"_id": number, "name": "a"} for number in (1, 2)]
    found = await together(db[Item].get_by("name", "a"), db[Item].get_by("name", "b"))
    assert found[0].oid == 1
    assert found[1] is None


async def test_whoever_waits_behind_a_group_that_found_no_server_waits_no_longer(db: Databases, gate: Gate) -> None:
    gate.open.clear()
    gate.error = ServerSelectionTimeoutError("nobody there")
    tasks = [asyncio.ensure_future(db[Item].get(number)) for number in range(450)]
    await turns()
    assert len(gate.calls) == 2
    gate.open.set()
    assert {type(one) for one in await together(*tasks)} == {NotConnected}
    assert len(gate.calls) == 2
    gate.error = None
    assert await db[Item].get(1) is None


async def test_rule_8_closing_resolves_whoever_waits(db: Databases, gate: Gate) -> None:
    gate.open.clear()
    tasks = [asyncio.ensure_future(db[Item].get(number)) for number in range(500)]
    await turns()
    await db.close(0.05)
    outcomes = await asyncio.wait_for(together(*tasks), 5)
    assert {type(one) for one in outcomes} <= {NotConnected, StoreError}


async def test_the_setting_turns_groups_off() -> None:
    databases = Databases({"main": Mongo(coalesce=False)}, memory=True)
    await databases.open()
    assert databases[Item].groups is None
    made = await databases[Item].insert({"name": "a"})
    assert await databases[Item].get(made.oid) == made
    await databases.close()
