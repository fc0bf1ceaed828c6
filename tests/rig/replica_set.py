"""A replica set of three mongods on this machine: killed, frozen, stepped down, started again.

In: a mongod (fixture `mongod_binary`). Out: a connection string, and members that are `Process`es.
Elections take a second or two instead of ten, so that a test can afford several.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import AutoReconnect, PyMongoError

from tests.rig.processes import Process, wrong_clock
from tests.server import free_port

_SETTINGS = {"electionTimeoutMillis": 2000, "heartbeatIntervalMillis": 500, "heartbeatTimeoutSecs": 2}
_FLAGS = [
    *("--replSet", "rig", "--bind_ip", "127.0.0.1", "--nounixsocket", "--quiet"),
    *("--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64"),
    *("--setParameter", "diagnosticDataCollectionEnabled=false"),
    *("--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=16MB)"),
]


class Member(Process):
    """One mongod on a port of its own; its data outlives it."""

    def __init__(self, binary: Path, folder: Path, skew: str = "") -> None:
        self.port = free_port()
        self.name = f"127.0.0.1:{self.port}"
        folder.mkdir()
        command = [binary, "--port", str(self.port), "--dbpath", folder, *_FLAGS]
        super().__init__(command, folder.with_suffix(".log"), **(wrong_clock(skew) if skew else {}))

    def ask(self, command: str | dict[str, Any], *, timeout_s: float = 5) -> dict[str, Any]:
        """The answer of this member to a command of the admin database, whatever its role."""
        limits = {"serverSelectionTimeoutMS": 1000, "socketTimeoutMS": int(timeout_s * 1000)}
        with MongoClient[dict[str, Any]](self.name, directConnection=True, **limits) as client:
            return client.admin.command(command)


class ReplicaSet:
    """The members, and what is done to them. Make one with `with replica_set() as rs`."""

    def __init__(self, members: list[Member]) -> None:
        self.members = members

    def url(self, name: str = "") -> str:
        """The connection string, with the name of a database."""
        return f"mongodb://{','.join(member.name for member in self.members)}/{name}?replicaSet=rig"

    def primary(self, timeout_s: float = 30) -> Member:
        """The member that takes writes; waits until there is one."""
        found: list[Member] = []

        def look() -> bool:
            found[:] = [member for member in self.members if self._role(member) == "PRIMARY"]
            return len(found) == 1

        _wait(look, timeout_s, "no primary")
        return found[0]

    def secondary(self) -> Member:
        """A running member that follows."""
        return next(member for member in self.members if self._role(member) == "SECONDARY")

    def step_down(self) -> Member:
        """Let another member take over; returns the one that stood down. It may be elected again a second later."""
        primary = self.primary()
        with suppress(AutoReconnect):
            primary.ask({"replSetStepDown": 1, "secondaryCatchUpPeriodSecs": 1})
        return primary

    def step_up(self, member: Member, timeout_s: float = 60) -> None:
        """Let a member take over; it may have to catch up first."""

        def is_primary() -> bool:
            with suppress(PyMongoError):
                member.ask({"replSetStepUp": 1})
            return self.primary() is member

        _wait(is_primary, timeout_s, f"{member.name} is not elected")

    def await_all(self, timeout_s: float = 60) -> None:
        """Wait until each member is primary or secondary: before that, one more fault is one too many."""

        def is_whole() -> bool:
            roles = sorted(self._role(member) for member in self.members)
            return roles == ["PRIMARY", *["SECONDARY"] * (len(roles) - 1)]

        _wait(is_whole, timeout_s, "the set is not whole")

    def _role(self, member: Member) -> str:
        """`PRIMARY` means that it takes writes."""
        if not member.is_running:
            return "DOWN"
        try:
            hello = member.ask("hello", timeout_s=2)
        except PyMongoError:
            return "UNKNOWN"
        is_primary, is_secondary = hello.get("isWritablePrimary"), hello.get("secondary")
        return "PRIMARY" if is_primary else "SECONDARY" if is_secondary else "UNKNOWN"


@contextmanager
def replica_set(binary: Path, count: int = 3, skews: Mapping[int, str] | None = None) -> Iterator[ReplicaSet]:
    """A running set with a primary, gone with the block; `binary` is what the fixture `mongod_binary` gives.

    `skews` says which members have clocks that are off, `{2: "+30"}`.
    """
    folder = Path(tempfile.mkdtemp(prefix="catena-rs-"))
    rs = ReplicaSet([Member(binary, folder / f"m{number}", (skews or {}).get(number, "")) for number in range(count)])
    try:
        for member in rs.members:
            member.start()
        members = [{"_id": number, "host": member.name} for number, member in enumerate(rs.members)]
        config = {"_id": "rig", "members": members, "settings": _SETTINGS}
        _wait(lambda: all(_answers(member) for member in rs.members), 30, "the mongods do not answer")
        rs.members[0].ask({"replSetInitiate": config}, timeout_s=30)
        rs.await_all()
        yield rs
    finally:
        for member in rs.members:
            if member.is_running:
                member.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _answers(member: Member) -> bool:
    try:
        return bool(member.ask("ping"))
    except PyMongoError:
        assert member.is_running, member.output
        return False


def _wait(condition: Callable[[], bool], timeout_s: float, reason: str) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{reason} after {timeout_s:.0f} s"
        time.sleep(0.05)
