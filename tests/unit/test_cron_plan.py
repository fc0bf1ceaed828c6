"""What is planned from schedules and instants, and what a document says about a job."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.cron.config import read_config, store_config
from core.cron.plan import MOST_MISSED, plan_skip, plan_starts
from core.cron.schedule import Schedule
from core.declare.cron import All, CronPolicy
from core.link.linked import LinkedJob
from core.source import Source

NOW = datetime(2026, 11, 20, 12, 0, 0, 500_000, tzinfo=UTC)
NOON = NOW.replace(microsecond=0)


def ago(seconds: float) -> datetime:
    return NOON - timedelta(seconds=seconds)


def test_slots_that_are_due_start_in_order() -> None:
    every = Schedule(every_s=1)
    assert plan_starts(every, ago(1), NOW) == [NOON]
    assert plan_starts(every, ago(3), NOW) == [ago(2), ago(1), NOON]
    assert plan_starts(every, NOON, NOW) == []


def test_after_a_gap_the_database_has_to_say() -> None:
    assert plan_starts(Schedule(every_s=1), ago(7), NOW) is None
    assert plan_starts(Schedule(hour=3), ago(86_400), NOW) is None


MISSED = [
    ("* * * * * *", 10, 10, 0),
    ("* * * * * *", 100_000_000, MOST_MISSED, 0),
    ("0 3 * * *", 3 * 86_400, 3, 9 * 3600),
    ("0 3 1 1 *", 3 * 86_400, 0, 0),
    ("* * 3 * * *", 86_400 * 40, MOST_MISSED, 8 * 3600 + 1),
]


@pytest.mark.parametrize(
    ("line", "away_s", "count", "newest_s"), MISSED, ids=[f"{row[0]} for {row[1]} s" for row in MISSED]
)
def test_CRON_10_the_newest_missed_slots_are_found(line: str, away_s: float, count: int, newest_s: float) -> None:
    missed = plan_skip(Schedule.crontab(line), ago(away_s), NOW)
    assert len(missed) == count
    assert missed == sorted(set(missed))
    assert missed[-1:] == [ago(newest_s)] * bool(count)


POLICY = CronPolicy(max_total=3, misfire=All(5), hosts=("a",), environment=("test",), max_runtime_s=60)
JOB = LinkedJob("demo-x", Schedule(second="RANDOM", minute="*/5", timezone="CET"), POLICY, print, Source("x", 1))


def test_a_declaration_survives_its_document() -> None:
    document = store_config(JOB)
    assert document["time"]["dayOfMonth"] == "*"
    assert document["misfire"] == {"all": 5}
    read = read_config(document, 17, replace(JOB, policy=CronPolicy()))
    assert read.policy == POLICY
    assert (read.schedule.expression, read.schedule.timezone, read.schedule.random_second) == (
        "RANDOM */5 * * * *",
        "CET",
        17,
    )


READ = [
    ({"maxInstanceNumberTotal": 4.0}, "max_total", 4),
    ({"maxInstanceNumberTotal": None}, "max_total", 3),
    ({"maxInstanceNumberPerServer": 0}, "max_per_server", 0),
    ({"misfire": "skip"}, "misfire", "skip"),
    ({"misfire": {"all": 2.0}}, "misfire", All(2)),
    ({"allowedHosts": []}, "hosts", ()),
    ({"scope": "server"}, "scope", "server"),
    ({"maxRuntimeS": 5}, "max_runtime_s", 5.0),
]


@pytest.mark.parametrize(("edit", "name", "value"), READ, ids=[str(row[0]) for row in READ])
def test_what_people_write_is_read(edit: dict[str, Any], name: str, value: Any) -> None:
    assert getattr(read_config({**store_config(JOB), **edit}, 0, JOB).policy, name) == value


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"maxInstanceNumberTotal": "many"}, "maxInstanceNumberTotal must be a whole number"),
    ({"maxInstanceNumberTotal": 1.5}, "maxInstanceNumberTotal must be"),
    ({"maxInstanceNumberTotal": -1}, "maxInstanceNumberTotal must be at least 0"),
    ({"maxInstanceNumberTotal": True}, "maxInstanceNumberTotal must be"),
    ({"misfire": {"all": "x"}}, "misfire.* must be"),
    ({"misfire": "often"}, "misfire must be"),
    ({"scope": "town"}, "scope must be one of"),
    ({"allowedHosts": "web"}, "allowedHosts must be"),
    ({"time": None}, "time must be an object"),
    ({"time": {}}, "time: a schedule needs"),
    ({"time": {"everySeconds": 0}}, "time: every_s must be"),
    ({"time": {"everySeconds": 1e30}}, "time: every_s must be"),
    ({"time": {"everySeconds": 5, "second": "1"}}, "time: a schedule needs"),
    ({"time": {"second": "61"}}, "time: the schedule .* cannot be read"),
    ({"time": {"second": "1", "timezone": "Nowhere"}}, "time: unknown time zone"),
]


@pytest.mark.parametrize(("edit", "message"), REFUSED, ids=[str(row[0]) for row in REFUSED])
def test_what_cannot_be_read_is_named(edit: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_config({**store_config(JOB), **edit}, 0, JOB)
