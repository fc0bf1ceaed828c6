"""Public folders of projects, served under their prefixes.

In: (prefix, folder) pairs, once. Out: the answer for a path, by one dict lookup: only files that were
found at the start exist, so no path can lead out of a folder. Before it: `gate.py`; after it: `matcher.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

from core.serve.response import FileResponse, Redirect, Response

_HEADERS = {"cache-control": "public, max-age=0"}


class StaticFiles:
    """The files of all public folders by path; prefixes have no trailing slash, the root is the empty text.

    Names that begin with a dot, links that lead out of their folder, and linked folders are left out. A file
    added later is not seen before the next start; the first folder that has a path wins.
    """

    def __init__(self, folders: Iterable[tuple[str, str]]) -> None:
        self._files: dict[str, Path | None] = {}  # `None`: a folder named without its slash
        for prefix, folder in folders:
            for name, path in _walk(Path(folder).resolve()):
                url = f"{prefix.rstrip('/')}/{name}"
                self._files.setdefault(url, path)
                parent, _, last = url.rpartition("/")
                if last == "index.html":
                    self._files.setdefault(f"{parent}/", path)
                    self._files.setdefault(parent, None)

    def __len__(self) -> int:
        return len(self._files)

    def find(self, path: str) -> Response | None:
        """The file at a path, case-sensitively; `None` when routes should look."""
        if path not in self._files:
            return None
        file = self._files[path]
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
