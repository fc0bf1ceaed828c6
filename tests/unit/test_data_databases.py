"""Which database serves a model, and what happens when it leaves while collections are made."""

from __future__ import annotations

import asyncio
import logging

import pytest

from core.data import databases as module
from core.data.connection import Connection
from core.data.databases import Databases
from core.errors import ConfigError, NotConnected, StoreError
from core.schema.model import Model
from core.settings import Mongo


class Here(Model, identity="unit-here", version="1.0", collection="here"):
    """In the default database."""

    text: str = ""


class There(Model, identity="unit-there", version="1.0", collection="there", database="second"):
    """In another one."""

    text: str = ""


class Nowhere(Model, identity="unit-nowhere", version="1.0", database="third"):
    """In one that is not configured."""

    text: str = ""


TWO = {"first": Mongo(), "second": Mongo(name="given")}


async def test_models_find_their_database() -> None:
    databases = Databases(TWO, memory=True)
    await databases.open()
    assert databases[Here].raw.database.name == "first"
    assert databases[There].raw.database.name == "given"
    assert databases[There].raw.name == "there"
    assert databases.raw().name == "first"
    assert databases.raw("second").name == "given"
    assert await databases.state() == {"first": "up", "second": "up"}
    with pytest.raises(StoreError, match="no database 'third'; the settings name first, second"):
        databases[Nowhere]
    await databases.close()


async def test_the_default_may_be_named() -> None:
    databases = Databases(TWO, "second", memory=True)
    await databases.open()
    assert databases[Here].raw.database.name == "given"
    await databases.close()


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(ConfigError, match="names no database"):
        Databases({})
    with pytest.raises(ConfigError, match="default_database: names no database: 'third'"):
        Databases(TWO, "third")


def test_before_open_there_is_nothing() -> None:
    with pytest.raises(StoreError, match="database 'first' is not open"):
        Databases(TWO, memory=True)[Here]


async def test_a_database_that_leaves_while_collections_are_made_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = 0

    async def ensure(connection: Connection, models: list[type[Model]]) -> None:
        nonlocal tries
        tries += 1
        assert models == [Here]
        if tries < 3:
            raise NotConnected(connection.name)

    monkeypatch.setattr(module, "ensure_collections", ensure)
    monkeypatch.setattr(module, "_RETRY_S", 0.001)
    databases = Databases({"first": Mongo()}, memory=True)
    await databases.open()
    await databases.ensure_collections([Here])
    await asyncio.gather(*databases._waiting)
    assert tries == 3
    await databases.close()


async def test_collections_that_cannot_be_made_later_are_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    errors: list[StoreError] = [NotConnected("first"), StoreError("index 'name' cannot be unique")]

    async def ensure(_: Connection, __: list[type[Model]]) -> None:
        raise errors.pop(0)

    monkeypatch.setattr(module, "ensure_collections", ensure)
    monkeypatch.setattr(module, "_RETRY_S", 0.001)
    databases = Databases({"first": Mongo()}, memory=True)
    await databases.open()
    await databases.ensure_collections([Here])
    with caplog.at_level(logging.ERROR, "catena.data"):
        await asyncio.gather(*databases._waiting)
    assert "database 'first': index 'name' cannot be unique" in caplog.text
    await databases.close()


async def test_collections_that_cannot_be_made_at_start_stop_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ensure(_: Connection, __: list[type[Model]]) -> None:
        raise StoreError("index 'name' cannot be unique")

    monkeypatch.setattr(module, "ensure_collections", ensure)
    databases = Databases({"first": Mongo()}, memory=True)
    await databases.open()
    with pytest.raises(StoreError, match="cannot be unique"):
        await databases.ensure_collections([Here])
    await databases.close()
