"""Faults to plant on purpose, and the test that is there for each: the bar itself (tests/chaos/test_mutations.py).

In: nothing. Out: lines of a file, a text in it, what it becomes, and the test that must fail then.
"""

from __future__ import annotations

from typing import NamedTuple


class Mutation(NamedTuple):
    file: str
    old: str
    new: str
    test: str


MUTATIONS: dict[str, Mutation] = {
    "write concern 1": Mutation(
        "core/data/connection.py",
        '"w": "majority"',
        '"w": 1',
        "tests/unit/test_data_query.py::test_clients_write_and_read_by_majority_with_bounded_waits",
    ),
    "a replay is looked for before it is kept": Mutation(
        "generic/libs/verify.py",
        """    try:
        await ctx.db[SeenRequest].insert(SeenRequest(oid=name, exp=ends))
    except DuplicateKey:
        raise unauthorized(ctx, "KeyReplayed", device_id=device_id) from None""",
        """    if await ctx.db[SeenRequest].get(name) is not None:
        raise unauthorized(ctx, "KeyReplayed", device_id=device_id)
    try:
        await ctx.db[SeenRequest].insert(SeenRequest(oid=name, exp=ends))
    except DuplicateKey:
        return""",
        "tests/acceptance/test_replay.py::test_SIG_2_an_unsafe_request_counts_once",
    ),
    "== on a digest": Mutation(
        "generic/libs/verify.py",
        "        if compare_digest(expected, key.signature):",
        "        if expected == key.signature:",
        "generic/tests/test_access_parts.py::test_SIG_4_digests_and_keys_are_never_compared_with_operators",
    ),
    "a limit is read, then written": Mutation(
        "core/data/counters.py",
        """        found = await counters.find_one_and_update({"_id": key}, update, upsert=True, validate=False)""",
        """        known = await counters.get(key)
        used = sum(int(slot["c"]) for slot in known.slots) if known else 0
        wide = _count_in_slots(10**9, per_s, max(0, min(wanted, requests - used)))
        found = await counters.find_one_and_update({"_id": key}, wide, upsert=True, validate=False)""",
        "tests/integration/test_rate_limits.py::test_RATE_1_e04_four_processes_admit_exactly_the_limit",
    ),
    "a redirect built from Host": Mutation(
        "core/serve/hosts.py",
        'known = name if self._hosts.has_named(name) else ""',
        "known = name",
        "tests/unit/test_serve_hosts.py::test_HTTP_3_redirects_to_https_only_where_the_name_is_known",
    ),
    "a deny-list that stops at the first nested value": Mutation(
        "core/data/filter.py",
        "            check_filter(inner)\n",
        "            return check_filter(inner)\n",
        "tests/unit/test_data_query.py::test_javascript_and_odd_keys_are_refused_at_any_depth",
    ),
    "only the first level of a body is checked": Mutation(
        "core/serve/values.py",
        "        level = inner\n",
        "        level = []\n",
        "tests/attack/test_types.py::test_a03_odd_keys_are_refused_or_plain",
    ),
    "operators in bodies": Mutation(
        "core/serve/values.py",
        'if key[:1] == "$" or ',
        "if ",
        "tests/attack/test_queries.py::test_a04_operators_never_reach_the_database",
    ),
    "the last of two keys wins": Mutation(
        "core/serve/values.py",
        'if keys != structure.count(b":"):',
        "if False:",
        "tests/attack/test_types.py::test_a06_a_key_that_occurs_twice_is_refused",
    ),
    "dot segments": Mutation(
        "core/serve/gate.py",
        'segment.partition(";")[0] in {".", ".."}',
        'segment in {"./"}',
        "tests/attack/test_paths.py::test_HTTP_5_b08_the_route_that_was_found_decides_who_may_pass",
    ),
    "escaped slashes": Mutation(
        "core/serve/gate.py",
        'rb"%(?:2f|5c|(?![0-9a-f]{2}))"',
        'rb"%(?:(?![0-9a-f]{2}))"',
        "tests/attack/test_paths.py::test_HTTP_5_b08_the_route_that_was_found_decides_who_may_pass",
    ),
    "errors tell what happened": Mutation(
        "core/serve/chain.py",
        "    return failures.InternalServerError()",
        "    return failures.InternalServerError(msg=repr(error))",
        "tests/attack/test_disclosure.py::test_LOG_3_a_failure_in_production_says_nothing_of_the_inside",
    ),
    "odd characters in the log": Mutation(
        "core/log.py",
        'return text if text.isascii() and "\\x7f" not in text else _UNSAFE_IN_JSON.sub(_escape_one, text)',
        "return text",
        "tests/attack/test_disclosure.py::test_LOG_1_ten_thousand_hostile_texts_are_one_event_each",
    ),
    "an upgrade keeps its connection": Mutation(
        "core/serve/protocol.py",
        "        newest.keep_alive = False  # type: ignore[union-attr]  # its header came before\n",
        "",
        "tests/attack/test_connections.py::test_HTTP_7_an_upgrade_is_answered_and_the_connection_closed",
    ),
    "refusals out of order": Mutation(
        "core/serve/protocol.py",
        "if running is not None and (running is not newest or",
        "if False and (running is not newest or",
        "tests/attack/test_connections.py::test_HTTP_6_what_cannot_be_read_waits_for_the_answers_before_it",
    ),
    "a second answer to a request": Mutation(
        "core/serve/protocol.py",
        "if newest is None or not (newest.started and newest.more):",
        "if running is None or not running.started:",
        "tests/attack/test_framing.py::test_HTTP_6_a_request_gets_one_answer",
    ),
    "a client that left is a failure": Mutation(
        "core/serve/app.py",
        "            except Disconnected:\n                raise\n            except asyncio.CancelledError:",
        "            except asyncio.CancelledError:",
        "tests/attack/test_connections.py::test_HTTP_16_a_client_that_leaves_is_no_line_in_the_log",
    ),
    "a cut request is a 500": Mutation(
        "core/serve/app.py",
        "                if not self.draining:\n                    raise",
        "                if True:\n                    raise",
        "tests/integration/test_life.py::test_LIFE_2_a_request_that_does_not_end_is_cut_after_the_drain_time",
    ),
    "the supervisor keeps its sockets": Mutation(
        "core/serve/supervisor.py",
        "            listener.close()\n",
        "            listener.getsockname()\n",
        "tests/integration/test_life.py::test_LIFE_2_a_second_signal_ends_at_once",
    ),
    "a dead worker is not replaced": Mutation(
        "core/serve/supervisor.py",
        "            self._replace_dead()\n",
        "",
        "tests/integration/test_life.py::test_LIFE_3_a_killed_worker_costs_its_own_requests_and_is_replaced",
    ),
    "a slot is not looked at": Mutation(
        "core/cron/store.py",
        'query = {f"{here}.last": {"$lt": slot}}',
        "query = {}",
        "tests/integration/test_cron_lease.py::test_only_one_of_many_gets_a_slot",
    ),
    "a slot is claimed by another clock": Mutation(
        "core/cron/store.py",
        '{"$lte": [slot, early]}, ',
        "",
        "tests/integration/test_cron_lease.py::test_only_one_of_many_gets_a_slot",
    ),
    "a run without its entry writes": Mutation(
        "core/cron/store.py",
        'return await self._change(job, change, {"running.id": run})',
        "return True",
        "tests/integration/test_cron_lease.py::test_CRON_9_a_fenced_write_is_refused_once_the_entry_is_gone",
    ),
    "a run that ended takes others along": Mutation(
        "core/cron/store.py",
        """{"$pull": {"running": {"id": entry["id"]}}, "$inc": counts}
        await self._change(job, change, {"running.id": entry["id"]})""",
        """{"$pull": {"running": {"server": entry["server"]}}, "$inc": counts}
        await self._change(job, change, {})""",
        "tests/integration/test_cron_lease.py::test_CRON_9_a_late_release_takes_nothing_from_the_next_run",
    ),
    "unknown fields are looked for at the top only": Mutation(
        "core/serve/program.py",
        '            yield from _find_unknown(below, merged, f"{path}{name}.")',
        "            del merged",
        "tests/unit/test_serve_overflow.py::test_VAL_10_block_refuses_what_no_step_declares_at_every_level",
    ),
    "production with debug": Mutation(
        "core/load/configuration.py",
        "    if settings.debug and production:",
        "    if False:",
        "tests/integration/test_life.py::test_LIFE_6_production_refuses_and_names_the_setting",
    ),
}
