"""Fixtures of other folders that the long tests use, too."""

from __future__ import annotations

from tests.attack.conftest import accounts_url, target_server

__all__ = ["accounts_url", "target_server"]
