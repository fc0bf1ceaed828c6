"""Fixtures of unit tests; each lives in the module that its name says."""

from __future__ import annotations

from tests.applications import own_imports

__all__ = ["own_imports"]
