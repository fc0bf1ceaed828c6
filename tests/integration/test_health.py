"""HTTP-15: what probes cost the database, which is nothing for liveness and one question a second for readiness."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from core.data.connection import Connection
from core.testing import make_app


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When a database was asked whether it is there."""
    times: list[float] = []
    original = Connection._ask

    async def ask(self: Any) -> bool:
        times.append(time.monotonic())
        return await original(self)

    monkeypatch.setattr(Connection, "_ask", ask)
    return times


async def test_HTTP_15_a_thousand_probes_ask_the_database_once_a_second(
    mongo_url: str, questions: list[float], tmp_path: Path
) -> None:
    (tmp_path / "shop").mkdir()
    async with make_app(tmp_path / "shop", mongo=mongo_url) as app:
        await app.client.get("/health/ready")
        questions.clear()
        started = time.monotonic()
        for _ in range(10):
            replies = await asyncio.gather(*(app.client.get("/health/ready") for _ in range(100)))
            assert {reply.status for reply in replies} == {200}
            replies = await asyncio.gather(*(app.client.get("/health/live") for _ in range(100)))
            assert {reply.status for reply in replies} == {200}
        assert len(questions) <= time.monotonic() - started + 1
        assert all(later - earlier >= 1 for earlier, later in pairwise(questions))


async def test_HTTP_15_liveness_asks_nobody(
    mongo_url: str, questions: list[float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop").mkdir()
    async with make_app(tmp_path / "shop", mongo=mongo_url) as app:
        questions.clear()

        async def ask_for_ever(self: Any) -> bool:
            questions.append(0)
            await asyncio.Event().wait()
            return False

        monkeypatch.setattr(Connection, "_ask", ask_for_ever)
        assert {(await app.client.get("/health/live")).status for _ in range(20)} == {200}
        assert questions == []
