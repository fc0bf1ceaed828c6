"""The replica set does what is asked of it; one set for the whole file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient

from tests.rig.replica_set import ReplicaSet, replica_set


@pytest.fixture(scope="module")
def rs(mongod_binary: Path) -> Iterator[ReplicaSet]:
    with replica_set(mongod_binary) as running:
        yield running


def put(rs: ReplicaSet, number: int) -> None:
    with MongoClient(rs.url("test")) as client:
        client.test.things.insert_one({"_id": number})


def count(rs: ReplicaSet) -> int:
    with MongoClient(rs.url("test")) as client:
        return client.test.things.count_documents({})


def test_a_step_down_moves_the_primary_and_keeps_the_data(rs: ReplicaSet) -> None:
    put(rs, 1)
    old = rs.step_down()
    assert rs.primary() is not old
    put(rs, 2)
    assert count(rs) == 2
    rs.await_all()


def test_a_killed_primary_is_followed_and_comes_back(rs: ReplicaSet) -> None:
    before = count(rs)
    old = rs.primary()
    old.kill()
    assert rs.primary() is not old
    assert rs.secondary() is not old
    put(rs, 3)
    old.start()
    rs.await_all()
    assert count(rs) == before + 1


def test_a_frozen_primary_is_followed(rs: ReplicaSet) -> None:
    old = rs.primary()
    old.freeze()
    try:
        assert rs.primary() is not old
    finally:
        old.resume()
    rs.await_all()
