"""`db`: the same tests over the in-memory stand-in and a real MongoDB, so that the stand-in cannot drift."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.data.databases import Databases
from core.settings import Mongo
from tests.contract.models import Item, Keyed, Sharded


@pytest.fixture(params=["memory", "mongod"])
async def db(request: pytest.FixtureRequest, database_name: str) -> AsyncIterator[Databases]:
    """Fresh databases with the collections of both models."""
    if request.param == "memory":
        databases = Databases({}, memory=True)
    else:
        url = request.getfixturevalue("mongo_url")
        databases = Databases({"main": Mongo(url=url, name=database_name)})
    await databases.open()
    await databases.ensure_collections([Item, Sharded, Keyed])
    yield databases
    if request.param == "mongod":
        await databases.raw().client.drop_database(database_name)
    await databases.close()
