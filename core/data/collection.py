"""`db[Todo]`: a model's collection with all its verbs, typed by the model.

In: a model class and a `Connection`. Out: `Collection[Todo]`, made once per worker by `databases.py`. The
verbs are in `reads.py` and `writes.py`; indexes in `indexes.py`.
"""

from __future__ import annotations

from typing import TypeVar

from core.data.indexes import ensure_indexes
from core.data.reads import Reads
from core.data.writes import Writes
from core.schema.model import Model

M = TypeVar("M", bound=Model)


class Collection(Reads[M], Writes[M]):
    """The documents of one model. Filters, sorts and projections use stored names."""

    async def ensure_indexes(self) -> list[str]:
        """Create the declared indexes that are missing; existing ones are left alone.

        Returns:
            The names of all declared indexes.

        Raises:
            StoreError: an index cannot be built; names it, the model and what is in the way.
        """
        return await ensure_indexes(self._connection, self.model)
