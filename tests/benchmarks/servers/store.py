"""The database of the comparison servers: the driver options and the write concern that Catena uses.

In: `CATENA_MONGO_URL`. Out: collections, opened with the server. `LIMIT_MS` bounds every operation, as there.
"""

from __future__ import annotations

import os
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection

LIMIT_MS = 5000
OPTIONS: dict[str, Any] = {
    "appname": "bench",
    "tz_aware": True,
    "uuidRepresentation": "standard",
    "w": "majority",
    "wTimeoutMS": LIMIT_MS,
    "readConcernLevel": "majority",
    "readPreference": "primary",
    "retryWrites": True,
    "retryReads": True,
    "serverSelectionTimeoutMS": 4000,
    "waitQueueTimeoutMS": 500,
    "connectTimeoutMS": 2000,
    "socketTimeoutMS": LIMIT_MS + 1000,
    "maxPoolSize": 50,
}


class Store:
    """The collections, there between `open` and `close`."""

    items: AsyncCollection[dict[str, Any]]
    entries: AsyncCollection[dict[str, Any]]
    devices: AsyncCollection[dict[str, Any]]
    secrets: AsyncCollection[dict[str, Any]]

    def open(self) -> None:
        self._client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(os.environ["CATENA_MONGO_URL"], **OPTIONS)
        database = self._client.get_default_database()
        self.items, self.entries = database["bench-items"], database["bench-entries"]
        self.devices, self.secrets = database["devices"], database["secrets"]

    async def close(self) -> None:
        await self._client.close()
