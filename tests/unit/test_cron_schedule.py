"""When jobs are due: expressions, clock changes by hand-written tables, and a brute-force search over seconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.cron.schedule import Schedule
from core.errors import BadDeclaration
from tests.cron_oracle import count_from, search_slots


def slots(line: str, zone: str, day: str, hours: int = 30) -> list[str]:
    """The slots of a local day and the hours after it, as UTC."""
    start = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    schedule, at, found = Schedule.crontab(line, zone), start - timedelta(seconds=1), []
    while (at := schedule.next_run(at)) < start + timedelta(hours=hours):
        found.append(at.strftime("%d %H:%M"))
    return found


# zone, line, local day, hours to look, expected instants in UTC. Written by hand from the rules of the zones.
CHANGES = [
    ("Europe/Berlin", "30 2 * * *", "2026-03-29", 30, ["29 01:00", "30 00:30"]),
    ("Europe/Berlin", "30 2 * * *", "2026-10-25", 30, ["25 00:30", "26 01:30"]),
    ("Europe/Berlin", "0 3 * * *", "2026-03-29", 24, ["29 01:00"]),
    ("Europe/Berlin", "0,30 2 * * *", "2026-03-29", 24, ["29 01:00"]),
    ("Europe/Berlin", "0,30 2 * * *", "2026-10-25", 24, ["25 00:00", "25 00:30"]),
    ("Europe/Berlin", "*/30 1-3 * * *", "2026-03-29", 6, ["29 00:00", "29 00:30", "29 01:00", "29 01:30"]),
    ("Europe/Berlin", "*/30 2 * * *", "2026-10-25", 6, ["25 00:00", "25 00:30", "25 01:00", "25 01:30"]),
    ("Europe/Berlin", "0 */2 * * *", "2026-10-25", 6, ["24 22:00", "25 00:00", "25 01:00", "25 03:00"]),
    ("Europe/Berlin", "30 2 * * *", "2037-03-29", 24, ["29 01:00"]),
    ("Europe/Berlin", "30 2 * * *", "2037-10-25", 24, ["25 00:30"]),
    ("CET", "30 2 * * *", "2026-03-29", 24, ["29 01:00"]),
    ("America/New_York", "30 2 * * *", "2020-03-08", 24, ["08 07:00"]),
    ("America/New_York", "30 1 * * *", "2020-11-01", 30, ["01 05:30", "02 06:30"]),
    ("America/New_York", "0-0/1 1 * * *", "2020-11-01", 30, ["01 05:00", "02 06:00"]),
    ("America/New_York", "15 * * * *", "2030-11-03", 5, ["03 04:15", "03 05:15", "03 06:15", "03 07:15", "03 08:15"]),
    ("Australia/Lord_Howe", "15 2 * * *", "2026-10-04", 24, ["03 15:30"]),
    ("Australia/Lord_Howe", "45 1 * * *", "2026-04-05", 30, ["04 14:45", "05 15:15"]),
    (
        "Australia/Lord_Howe",
        "*/15 1 * * *",
        "2026-04-05",
        4,
        ["04 14:00", "04 14:15", "04 14:30", "04 14:45", "04 15:00", "04 15:15"],
    ),
    ("Pacific/Apia", "0 12 * * *", "2011-12-29", 30, ["29 22:00", "30 10:00"]),
    ("Pacific/Apia", "30 3 * * *", "2020-09-27", 24, ["26 14:00"]),
    ("America/Havana", "0 0 * * *", "2026-03-08", 20, ["08 05:00"]),
    ("UTC", "30 2 * * *", "2026-03-29", 30, ["29 02:30", "30 02:30"]),
]


@pytest.mark.parametrize(
    ("zone", "line", "day", "hours", "expected"), CHANGES, ids=[f"{z} {d} {s}" for z, s, d, _, _ in CHANGES]
)
def test_CRON_11_clock_changes(zone: str, line: str, day: str, hours: int, expected: list[str]) -> None:
    assert slots(line, zone, day, hours) == expected


@pytest.mark.parametrize("year", range(2020, 2038))
@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "UTC", "CET"]
)
def test_CRON_11_a_daily_job_runs_once_a_day_whatever_the_clock_does(zone: str, year: int) -> None:
    schedule, at = Schedule(hour=2, minute=30, timezone=zone), datetime(year, 1, 1, 12, tzinfo=ZoneInfo(zone))
    end, days = at.replace(year=year + 1), []
    while (at := schedule.next_run(at)) < end:
        days.append(at.astimezone(ZoneInfo(zone)).date())
    assert len(days) == len(set(days)) == (end.date() - end.date().replace(year=year)).days


EXPRESSIONS = [
    # line, after, expected next in UTC
    ("0 0 1 * 1", "2026-11-20 12:00", "2026-11-23 00:00"),  # either day field: the next Monday
    ("0 0 1 * 1", "2026-11-30 12:00", "2026-12-01 00:00"),
    ("0 0 * * 0", "2026-11-20 12:00", "2026-11-22 00:00"),
    ("0 0 * * 7", "2026-11-20 12:00", "2026-11-22 00:00"),
    ("0 0 * * sun", "2026-11-20 12:00", "2026-11-22 00:00"),
    ("0 0 L * *", "2026-02-20 12:00", "2026-02-28 00:00"),
    ("0 0 * * 5#3", "2026-11-20 12:00", "2026-12-18 00:00"),
    ("0 0 1 jan *", "2026-11-20 12:00", "2027-01-01 00:00"),
    ("0 0 1 12 *", "2026-11-20 12:00", "2026-12-01 00:00"),
    ("0 0 0-31 * *", "2026-11-20 12:00", "2026-11-21 00:00"),
    ("0 0 * 0-12 *", "2026-11-20 12:00", "2026-11-21 00:00"),
    ("0 0 * * 0-7", "2026-11-20 12:00", "2026-11-21 00:00"),
    ("0 0 1 * 0-6", "2026-11-20 12:00", "2026-12-01 00:00"),
    ("0 0 * 0-11/6 *", "2026-11-20 12:00", "2027-01-01 00:00"),
    ("0 0 29 2 *", "2026-11-20 12:00", "2028-02-29 00:00"),
    ("5,35 8-10/2 * * mon-fri", "2026-11-20 12:00", "2026-11-23 08:05"),
    ("15 30 * * * *", "2026-11-20 12:30", "2026-11-20 12:30:15"),
    ("0 0 * * 1-1/2", "2026-11-23 12:00", "2026-11-30 00:00"),
    ("@daily", "2026-11-20 12:00", "2026-11-21 00:00"),
    ("@weekly", "2026-11-20 12:00", "2026-11-22 00:00"),
    ("@monthly", "2026-11-20 12:00", "2026-12-01 00:00"),
    ("@yearly", "2026-11-20 12:00", "2027-01-01 00:00"),
    ("@hourly", "2026-11-20 12:00", "2026-11-20 13:00"),
]


@pytest.mark.parametrize(
    ("line", "after", "expected"), EXPRESSIONS, ids=[f"{line} after {after}" for line, after, _ in EXPRESSIONS]
)
def test_CRON_13_expressions(line: str, after: str, expected: str) -> None:
    at = datetime.fromisoformat(after).replace(tzinfo=UTC)
    assert Schedule.crontab(line).next_run(at) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


WRONG = [
    "0 0 31 2 *", "0 0 30 2 *", "60 * * * *", "* 24 * * *", "0 0 0 * *", "0 0 * 13 *", "0 0 * 0 *", "0 0 * * 8", "x * * * *",
    "*/0 * * * *", "5-1 * * * *", "* * * *", "* * * * * * *", "", "@sometimes", "0 0 L/2,x * *", "1,5#3/2 0 * * *",
]  # fmt: skip


@pytest.mark.parametrize("line", WRONG, ids=[line or "empty" for line in WRONG])
def test_CRON_12_what_cannot_be_read_or_never_comes_is_refused(line: str) -> None:
    with pytest.raises(BadDeclaration) as caught:
        Schedule.crontab(line)
    assert caught.value.source.file == __file__


@pytest.mark.parametrize("zone", ["Europe/Nowhere", "", "../../etc/passwd", "Europe"])
def test_an_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(BadDeclaration, match="unknown time zone"):
        Schedule(hour=3, timezone=zone)


def test_CRON_13_random_is_one_second_that_everybody_agrees_on() -> None:
    schedule = Schedule(second="RANDOM", minute="*/5")
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert schedule.expression == "RANDOM */5 * * * *"
    schedule.random_second = 17
    assert schedule.next_run(noon) == noon.replace(second=17)


@given(
    every=st.integers(1, 100_000), at=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
)
def test_every_so_many_seconds_counts_from_the_epoch(every: int, at: datetime) -> None:
    found = Schedule(every_s=every).next_run(at)
    assert at < found <= at + timedelta(seconds=every)
    assert found.timestamp() % every == 0


def agrees_with_search(line: str, zone: str, start: datetime) -> None:
    """The slots of five hours are those that a search over seconds finds, from wherever one begins to look."""
    try:
        schedule = Schedule.crontab(line, zone)
    except BadDeclaration:
        return
    expected, at, found = search_slots(line, zone, start, hours=5), start, []
    while (at := schedule.next_run(at)) <= start + timedelta(hours=5):
        found.append(at)
    assert found == expected
    for slot in found[:5]:
        assert schedule.next_run(slot - timedelta(milliseconds=1)) == slot


@pytest.mark.usefixtures("uncounted")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(spec=count_from())
def test_CRON_12_next_run_is_what_a_search_over_seconds_finds(spec: tuple[str, str, datetime]) -> None:
    agrees_with_search(*spec)


@settings(max_examples=200, deadline=None)
@given(parts=st.lists(st.text("0123456789*/-,LW#monjaRANDOM@ ", max_size=8), min_size=4, max_size=7))
def test_any_text_is_read_or_refused(parts: list[str]) -> None:
    try:
        schedule = Schedule.crontab(" ".join(parts), "Europe/Berlin")
    except BadDeclaration:
        return
    assert schedule.next_run(datetime(2026, 1, 1, tzinfo=UTC)) > datetime(2026, 1, 1, tzinfo=UTC)
