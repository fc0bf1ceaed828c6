"""What an installation decides about devices and their keys: `projects={"generic-access": {…}}`."""

from __future__ import annotations

from typing import Annotated

from core import Settings, rule


class AccessSettings(Settings, identity="generic-access"):
    """Keys of devices and secrets."""

    sealing_secret: Annotated[
        str, rule("Seals keys at rest: texts of 32 characters or more, separated by commas; the first seals, all open")
    ] = ""
    key_overlap_s: Annotated[int, rule("How long a device's key works after it was replaced", min=0)] = 86_400


class IndexSettings(Settings, identity="generic-indexes"):
    """What the job `generic-ensureIndexes` does: `projects={"generic-indexes": {"auto_start": True}}`."""

    auto_start: Annotated[bool, rule("Run every night; without it the job runs only when it is forced")] = False
    prune: Annotated[bool, rule("Drop indexes that no model declares")] = False
