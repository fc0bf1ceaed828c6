"""CRON-1 to CRON-5 at length, as in `tests/integration/test_cron_cluster.py`; CRON-12 with ten thousand schedules."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings

from tests.cron_oracle import count_from
from tests.integration import test_cron_cluster as short
from tests.integration.crons import Cluster
from tests.integration.test_cron_cluster import calm
from tests.unit.test_cron_schedule import agrees_with_search

__all__ = ["calm"]

SECONDS, START_S = 300, (0.15, 0.5, 1.0)


@pytest.fixture(scope="module", params=range(20))
def stormy(mongo_url: str, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Twenty storms, one after the other."""
    with short.storm(mongo_url, SECONDS, seed=request.param) as made:
        yield made


@pytest.fixture
def both(stormy: Cluster) -> Cluster:
    """What the tests of calm and stormy clusters look at here: a calm one shows nothing more when it is longer."""
    return stormy


test_CRON_1 = short.test_CRON_1_caps_hold_at_every_instant
test_CRON_2 = short.test_CRON_2_a_slot_starts_once_and_slots_start_in_order
test_CRON_2_with_scope_server = short.test_CRON_2_with_scope_server_a_slot_starts_once_on_each
test_CRON_3 = short.test_CRON_3_every_slot_runs_soon_after_it_is_due
test_CRON_4 = short.test_CRON_4_the_runs_of_a_killed_process_are_freed
test_CRON_5 = short.test_CRON_5_slots_start_by_the_database_whatever_the_clocks_say


@settings(max_examples=10_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(spec=count_from())
def test_CRON_12_next_run_is_what_a_search_over_seconds_finds(spec: tuple[str, str, datetime]) -> None:
    agrees_with_search(*spec)
