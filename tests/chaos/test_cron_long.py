"""CRON-1 to CRON-5 at length: the runs of `tests/integration/test_cron_cluster.py`, a minute and more each."""

from __future__ import annotations

import os

from tests.integration import test_cron_cluster as short
from tests.integration.test_cron_cluster import calm, stormy

__all__ = ["calm", "stormy"]

SECONDS, START_S = float(os.environ.get("CATENA_CHAOS_SECONDS", "60")), (0.15, 0.5, 1.0)

test_CRON_1 = short.test_CRON_1_caps_hold_at_every_instant
test_CRON_2 = short.test_CRON_2_a_slot_starts_once_and_slots_start_in_order
test_CRON_2_with_scope_server = short.test_CRON_2_with_scope_server_a_slot_starts_once_on_each
test_CRON_3 = short.test_CRON_3_every_slot_runs_soon_after_it_is_due
test_CRON_4 = short.test_CRON_4_the_runs_of_a_killed_process_are_freed
test_CRON_5 = short.test_CRON_5_slots_start_by_the_database_whatever_the_clocks_say
