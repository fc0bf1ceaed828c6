"""The long form of tests/acceptance/test_gateway_memory.py: a gigabyte in each direction."""

from __future__ import annotations

import pytest

from tests.acceptance.test_gateway_memory import measure


@pytest.mark.parametrize("path", ["up", "down", "count"])
async def test_memory_stays_flat_while_a_gigabyte_goes_through(path: str) -> None:
    await measure(path, 1000)
