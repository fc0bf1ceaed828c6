"""Bodies that do not fit in a value: an uploaded file.

In: made by `serve/multipart.py`. Out: what a step finds in a field of type `Upload`.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import IO


class Upload:
    """A file of a multipart body, in memory while it is small, else on disk; gone when nobody holds it any more.

    Attributes:
        filename, content_type: as the client says: nothing proves them. The name has no folders in it.
        size_bytes: how long it is.
        file: its content, from the beginning.
    """

    def __init__(self, filename: str, content_type: str, file: IO[bytes], size_bytes: int = 0) -> None:
        self.filename, self.content_type = filename, content_type
        self.file, self.size_bytes = file, size_bytes

    def __del__(self) -> None:
        self.file.close()  # a refused body leaves files that no step ever sees

    async def read(self, size: int = -1) -> bytes:
        """The next `size` bytes, all that are left by default."""
        return await asyncio.to_thread(self.file.read, size)

    async def save(self, path: str | Path) -> None:
        """Write the whole content to a new file; one that is there is a `FileExistsError`."""

        def copy() -> None:
            self.file.seek(0)
            with Path(path).open("xb") as target:
                shutil.copyfileobj(self.file, target)

        await asyncio.to_thread(copy)

    def __repr__(self) -> str:
        return f"Upload({self.filename!r}, {self.size_bytes} bytes)"
