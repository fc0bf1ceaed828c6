"""What a todo is, as it is stored. The collection and its indexes are made when the server starts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from core import Model, factory, now, rule

GROUP = "demo"

# Declared once: requests and documents obey the same rule.
Name = Annotated[str, rule("Name of the item", min_length=1, max_length=64, unique=True)]
Status = Literal["checked", "unchecked"]


class Todo(Model, identity="todos-model", version="1.0", collection="demo-todos"):
    name: Name
    group: Annotated[str, rule("Who it belongs to")] = GROUP
    status: Annotated[Status, rule("Whether it is done")] = "unchecked"
    created: Annotated[datetime, rule("When it was added", index=True)] = factory(now)
    last_modified: Annotated[datetime, rule("When it was changed last", index=True, name="lastModified")] = factory(now)
