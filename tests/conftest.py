"""Fixtures for every test; each lives in the module that its name says."""

from __future__ import annotations

from tests.applications import own_logging
from tests.memcached import memcached
from tests.mongo import database_name, mongo_url, mongod_binary, own_root
from tests.server import demo_root
from tests.tools import uncounted

__all__ = [
    "database_name",
    "demo_root",
    "memcached",
    "mongo_url",
    "mongod_binary",
    "own_logging",
    "own_root",
    "uncounted",
]
