"""Point reads and inserts in groups give what they give alone, on both databases; rules as in decision 0016."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Decimal128, Int64, ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.data.databases import Databases
from core.errors import CatenaError, DuplicateKey, ModelError, StoreError
from core.schema.model import Model
from tests.contract.models import Item, Keyed, Sharded, fill


def sizes(db: Databases, model: type[Model], operation: str) -> dict[int, int]:
    return {size: count for (kind, size), count in db[model].groups.sizes.items() if kind == operation}


async def test_rule_8_reads_of_one_turn_are_one_group_and_its_size_is_counted(db: Databases) -> None:
    made = await fill(db)
    lost = ObjectId()
    found = await asyncio.gather(*(db[Item].get(oid) for oid in [*(item.oid for item in made), lost]))
    assert found == [*made, None]
    assert sizes(db, Item, "read") == {6: 1}
    by_name = await asyncio.gather(*(db[Item].get_by("name", name) for name in "ecz"))
    assert [item and item.name for item in by_name] == ["e", "c", None]
    assert sizes(db, Item, "read") == {6: 1, 3: 1}


async def test_rule_4_each_reader_of_a_document_gets_a_copy_of_its_own(db: Databases) -> None:
    made = await db[Item].insert(Item(name="a", data={"deep": [1]}))
    first, second, third = await asyncio.gather(*(db[Item].get(made.oid) for _ in range(3)))
    assert first == second == third == made
    first.data["deep"].append(2)
    assert second.data == third.data == {"deep": [1]}


@pytest.mark.parametrize(
    "key",
    [ObjectId("6b0000000000000000000000"), "text", "ü$x.\0", "", 7, -(2**63), uuid.UUID(int=7), b"\0\1", b"",
     2.5, True, None, datetime(2026, 1, 1, tzinfo=UTC), Int64(9), "x" * 2000],
    ids=lambda value: f"{type(value).__name__}-{str(value)[:12]!a}",
)  # fmt: skip
async def test_rule_5_every_kind_of_key_is_found_in_company(db: Databases, key: Any) -> None:
    await db[Keyed].insert({"_id": key, "number": 1}, validate=False)
    await db[Keyed].insert({"_id": "other", "number": 2}, validate=False)
    found, other, lost = await asyncio.gather(*(db[Keyed].get(oid) for oid in (key, "other", "lost")))
    assert found is not None
    assert found.number == 1
    assert other is not None
    assert other.number == 2
    assert lost is None


@pytest.mark.parametrize("stored", [7.0, Int64(7), Decimal128("7"), [1, 7]], ids=["double", "long", "decimal", "list"])
async def test_rule_5_a_value_of_another_type_that_is_equal_is_found_as_it_is_alone(db: Databases, stored: Any) -> None:
    await db[Keyed].insert({"_id": "a", "number": stored}, validate=False)
    alone = await db[Keyed].get_by("number", 7, coalesce=False)
    together = await asyncio.gather(db[Keyed].get_by("number", 7), db[Keyed].get_by("number", 8))
    assert together == [alone, None]
    assert alone is not None or isinstance(stored, Decimal128)  # the stand-in tells decimals from numbers


@pytest.mark.parametrize("key", ["\ud800", 2**63, {"$gt": 1}, ["a"]], ids=["surrogate", "long", "operator", "list"])
async def test_rule_5_NOSQL_2_a_key_that_cannot_be_asked_for_hurts_nobody_else(db: Databases, key: Any) -> None:
    made = await db[Keyed].insert({"_id": "a", "number": 1})
    wrong, right = await asyncio.gather(db[Keyed].get(key), db[Keyed].get("a"), return_exceptions=True)
    assert isinstance(wrong, StoreError) or wrong is None
    assert right == made


async def test_rule_5_long_numbers_are_answered_by_their_group(db: Databases) -> None:
    """The driver reads them as a type of its own."""
    keys = [2**40 + number for number in range(3)]
    await db[Keyed].insert_many([{"_id": key, "number": key} for key in keys], validate=False)
    for field in ("_id", "number"):
        found = await asyncio.gather(*(db[Keyed].groups.read(field, key) for key in [*keys, Int64(keys[0]), 2**41]))
        assert [one and one["_id"] for one in found] == [*keys, keys[0], None]


async def test_rule_5_fields_that_hold_lists_are_asked_for_alone(db: Databases) -> None:
    made = await db[Keyed].insert({"_id": "a", "tags": ["x", "y"]})
    assert await asyncio.gather(*(db[Keyed].get_by("tags", tag) for tag in "xyz")) == [made, made, None]
    assert not sizes(db, Keyed, "read")


async def test_rule_1_inserts_of_one_turn_are_one_group_with_an_outcome_each(db: Databases) -> None:
    kept = await db[Item].insert({"name": "n3"})
    documents = [{"name": f"n{number}"} for number in (1, 2, 3, 4, 1)]
    made = await asyncio.gather(
        *(db[Item].insert(document) for document in [*documents, {"_id": kept.oid, "name": "z"}, {"name": ""}]),
        return_exceptions=True,
    )
    assert [type(one) for one in made] == [Item, Item, DuplicateKey, Item, DuplicateKey, DuplicateKey, ModelError]
    assert [one.index for one in made if isinstance(one, DuplicateKey)] == ["name", "name", "_id_"]
    assert sorted(await db[Item].distinct("name")) == ["n1", "n2", "n3", "n4"]
    assert sizes(db, Item, "insert") == {1: 1, 6: 1}


async def test_rule_2_rule_8_one_poisoned_member_among_99_fails_alone(db: Databases) -> None:
    good = [{"name": f"n{number}", "data": {"n": number}} for number in range(99)]
    poison = [{"name": "p1", "data": {"x": object()}}, {"name": "p2", "data": {"x": "y" * 17_000_000}}]
    made = await asyncio.gather(*(db[Item].insert(one) for one in [*good, *poison]), return_exceptions=True)
    assert [one.name for one in made[:99]] == [one["name"] for one in good]
    assert isinstance(made[99], CatenaError)
    if not db[Item]._connection.is_memory:  # the stand-in has no limit
        assert isinstance(made[100], StoreError)
        assert await db[Item].count() == 99


async def test_rule_6_the_switch_shards_and_unchecked_documents_leave_the_group(db: Databases) -> None:
    made = await asyncio.gather(
        db[Item].insert({"name": "a"}, coalesce=False), db[Item].insert({"name": "b"}, validate=False)
    )
    assert await asyncio.gather(*(db[Item].get(one.oid, coalesce=False) for one in made)) == made
    assert not sizes(db, Item, "insert")
    assert not sizes(db, Item, "read")
    assert db[Sharded].groups is None
    assert db[Sharded].across_shards().groups is None


keys = st.sampled_from(["a", "b", "c", 1, 2])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), keys, st.sampled_from([1, 2, None])),
        st.tuples(st.just("get"), keys, st.none()),
        st.tuples(st.just("get_by"), st.sampled_from([1, 2, 3]), st.none()),
    ),
    max_size=8,
)


async def run_chain(db: Databases, chain: list[list[Any]], *, coalesce: bool) -> list[Any]:
    """The outcomes of turns of steps; of the inserts of a turn that exclude each other, how many succeeded."""
    keyed = db[Keyed]
    await keyed.raw.delete_many({})
    outcomes: list[Any] = []
    for turn in chain:
        for kind in ("insert", "get", "get_by"):
            chosen = [step for step in turn if step[0] == kind]
            if kind == "insert":
                calls = [
                    keyed.insert({"_id": key} | ({} if number is None else {"number": number}), coalesce=coalesce)
                    for _, key, number in chosen
                ]
            elif kind == "get":
                calls = [keyed.get(key, coalesce=coalesce) for _, key, _ in chosen]
            else:
                calls = [keyed.get_by("number", key, coalesce=coalesce) for _, key, _ in chosen]
            outcomes += await asyncio.gather(*calls, return_exceptions=True)
    return [(type(one).__name__, getattr(one, "index", None) or getattr(one, "__dict__", None)) for one in outcomes]


def test_rule_8_random_chains_give_the_same_with_and_without_groups(uncounted: None) -> None:
    """5,000 on the stand-in; `tests/chaos` has the long form."""
    compare_chains(5_000)


def compare_chains(examples: int) -> None:
    """Compare random chains on the stand-in, whose gathered calls keep their order also when they go alone."""
    loop = asyncio.new_event_loop()
    db = Databases({}, memory=True)
    loop.run_until_complete(db.open())
    loop.run_until_complete(db.ensure_collections([Keyed]))

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(steps, max_size=4))
    def compare(chain: list[list[Any]]) -> None:
        together = loop.run_until_complete(run_chain(db, chain, coalesce=True))
        assert together == loop.run_until_complete(run_chain(db, chain, coalesce=False))

    compare()
    assert max(sizes(db, Keyed, "read")) > 1
    assert max(sizes(db, Keyed, "insert")) > 1
    loop.run_until_complete(db.close())
    loop.close()
