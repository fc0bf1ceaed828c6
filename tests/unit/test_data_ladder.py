"""The ladder of `LOCAL`: an address from a parent process, else a mongod, else memory; other addresses stay."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from core.data.ladder import climb, pass_on
from core.settings import Mongo


@pytest.fixture(autouse=True)
def no_mongod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.data.embedded.find_mongod", lambda: None)
    monkeypatch.setenv("CATENA_LOCAL_URL", "")


def test_databases_with_addresses_need_nothing(tmp_path: Path) -> None:
    databases = {"main": Mongo(url="mongodb://there")}
    ground = climb(databases, tmp_path)
    assert ground.databases == databases
    assert not ground.memory
    ground.stop()


def test_without_a_mongod_everything_is_in_memory_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "catena.data"):
        ground = climb({"main": Mongo()}, tmp_path)
    assert ground.memory
    assert "LOST when the server stops" in caplog.text


def test_workers_learn_the_local_address_and_keep_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATENA_LOCAL_URL", "mongodb://local")
    databases = {"far": Mongo(url="mongodb://there", name="f"), "main": Mongo(), "named": Mongo(name="given")}
    ground = climb(databases, tmp_path)
    assert {name: (mongo.url, mongo.name) for name, mongo in ground.databases.items()} == {
        "far": ("mongodb://there", "f"),
        "main": ("mongodb://local", "main"),
        "named": ("mongodb://local", "given"),
    }
    monkeypatch.setenv("CATENA_LOCAL_URL", "")
    pass_on(ground)
    assert climb(databases, tmp_path).databases == ground.databases
