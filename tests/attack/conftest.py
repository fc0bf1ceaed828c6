"""Two servers for all attacks: the demo, and a project with a route for each way in. Both on a real MongoDB."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient

from tests.attack.attacker import Attacker, attacker_of, errors_of
from tests.server import Server, make_demo_root, start_server

TARGET_ROOT = Path(__file__).parent / "root"


@pytest.fixture(scope="session")
def accounts_url(mongo_url: str) -> str:
    return mongo_url.replace("/?", "/test_attack?")


@pytest.fixture(scope="session")
def target_server(accounts_url: str) -> Iterator[Server]:
    root = Path(tempfile.mkdtemp(prefix="catena-"))
    shutil.copytree(TARGET_ROOT, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    with start_server(root, CATENA_MONGO_URL=accounts_url) as running:
        yield running
    shutil.rmtree(root)


@pytest.fixture(scope="session")
def demo_server(mongo_url: str) -> Iterator[Server]:
    root = make_demo_root()
    with start_server(root, CATENA_MONGO_URL=mongo_url.replace("/?", "/test_attack_demo?")) as running:
        yield running
    shutil.rmtree(root)


@pytest.fixture
def target(target_server: Server) -> Iterator[Attacker]:
    """A client of the target; afterwards nothing of level error stands in its log that was not there before."""
    before = len(errors_of(target_server))
    with attacker_of(target_server) as client:
        yield client
    assert errors_of(target_server)[before:] == []


@pytest.fixture
def demo(demo_server: Server) -> Iterator[Attacker]:
    """The same for the demo."""
    before = len(errors_of(demo_server))
    with attacker_of(demo_server) as client:
        yield client
    assert errors_of(demo_server)[before:] == []


@pytest.fixture
def accounts(accounts_url: str, target_server: Server) -> Iterator[MongoClient]:
    """The collection of accounts, with two in it."""
    with MongoClient(accounts_url) as client:
        collection = client.get_default_database()["target-accounts"]
        collection.delete_many({})
        collection.insert_many([make_account("alice", "user"), make_account("bob", "admin")])
        yield collection


def make_account(name: str, role: str) -> dict[str, object]:
    """As the model stores it."""
    return {
        "name": name,
        "role": role,
        "group": "target",
        "validated": False,
        "etag": "first",
        "secret": "s3cret-of-the-house",
        "notes": {},
    }
