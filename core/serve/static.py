"""Public folders of projects, served under their prefixes.

In: the folders, once. Out: the answer for a path, by one dict lookup: only files that were found at the start
exist, so no path can lead out of a folder. Before it: `gate.py`; after it: `matcher.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

from core.link.linked import LinkedFolder
from core.serve.hosts import Hosts
from core.serve.response import FileResponse, Redirect, Response

_HEADERS = {"cache-control": "public, max-age=0"}


class StaticFiles:
    """The files of all public folders by path, each on the hosts of its folder.

    Names that begin with a dot, links that lead out of their folder, and linked folders are left out. A file
    added later is not seen before the next start; the first folder that has a path wins.
    """

    def __init__(self, folders: Iterable[LinkedFolder], hosts: Hosts) -> None:
        self._hosts = hosts
        # By host id, "" for every host; `None` is a folder named without its slash.
        self._files: dict[str, dict[str, Path | None]] = {}
        for folder in folders:
            for name, path in _walk(Path(folder.folder).resolve()):
                url = f"{folder.prefix.rstrip('/')}/{name}"
                parent, _, last = url.rpartition("/")
                places = [(url, path), (f"{parent}/", path), (parent, None)]
                for place, file in places if last == "index.html" else places[:1]:
                    for host_id in folder.host_ids or ("",):
                        self._files.setdefault(place, {}).setdefault(host_id, file)

    def find(self, path: str, host: str) -> Response | None:
        """The file at a path, case-sensitively; `None` when routes should look. Hosts as in `Matcher`."""
        if path not in self._files:
            return None
        found = self._files[path]
        host_id = next((name for name in (*self._hosts.resolve(host), "") if name in found), None)
        if host_id is None:
            return None
        file = found[host_id]
        # Relative links of a page would lead beside its folder where the slash is missing.
        return Redirect(f"{quote(path)}/", 301) if file is None else FileResponse(file, 200, _HEADERS)


def _walk(root: Path) -> Iterator[tuple[str, Path]]:
    """Relative name with `/`, and the real path, of every file to serve."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(folder, name).resolve()
            if not name.startswith(".") and path.is_relative_to(root) and path.is_file():
                yield Path(folder, name).relative_to(root).as_posix(), path
