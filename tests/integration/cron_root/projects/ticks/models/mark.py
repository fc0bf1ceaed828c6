"""What a run wrote, and under which fence."""

from __future__ import annotations

from core import Model


class Mark(Model, identity="ticks-marks"):
    run: str
    fence: int
    number: int
