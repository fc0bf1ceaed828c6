"""What a schedule means, without skill: look at every second. For tests of `core/cron/schedule.py`.

In: a crontab line of six fields, a zone, a window. Out: its slots. Reads fields by itself, converts each minute with
zoneinfo (clocks change on whole ones), and applies the rule for clock changes where one happens. Shares nothing with the
code under test.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

RANGES = [(0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6)]
ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Havana",
    "Pacific/Apia",
    "Asia/Kolkata",
    "UTC",
]
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def read_field(text: str, low: int, high: int) -> set[int]:
    """The values of a field."""
    values: set[int] = set()
    for item in text.split(","):
        base, _, step = item.partition("/")
        if base == "*":
            first, last = low, high
        else:
            begin, dash, end = base.partition("-")
            first = int(begin)
            last = int(end) if dash else high if step else first
        values |= set(range(first, last + 1, int(step or 1)))
    return values


def is_repeated(item: str) -> bool:
    """Whether it is a wildcard or has a step; a span of one value has none, whatever it says."""
    base, step, _ = item.partition("/")
    begin, dash, end = base.partition("-")
    return base == "*" or bool(step and not (dash and begin == end))


class Oracle:
    """A line, read."""

    def __init__(self, line: str) -> None:
        self.texts = line.split()
        self.sets = [read_field(text, *bounds) for text, bounds in zip(self.texts, RANGES, strict=True)]
        self.by_both = self.texts[3].startswith(("*", "1-31")) or self.texts[5].startswith(("*", "0-6"))
        self.is_fixed = not any(is_repeated(item) for text in self.texts[1:3] for item in text.split(","))
        self._days: dict[date, bool] = {}

    def fits_day(self, day: date) -> bool:
        if day not in self._days:
            by_date, by_weekday = day.day in self.sets[3], day.isoweekday() % 7 in self.sets[5]
            fits = by_date and by_weekday if self.by_both else by_date or by_weekday
            self._days[day] = fits and day.month in self.sets[4]
        return self._days[day]

    def fits_minute(self, wall: datetime) -> bool:
        return wall.hour in self.sets[2] and wall.minute in self.sets[1] and self.fits_day(wall.date())


def search_slots(line: str, zone: str, start: datetime, hours: float) -> list[datetime]:
    """Every slot later than `start` (UTC), found by walking all seconds."""
    oracle, there, found = Oracle(line), ZoneInfo(zone), []
    minute, end = start.replace(second=0), start + timedelta(hours=hours)
    expected = minute.astimezone(there).replace(tzinfo=None, fold=0)
    while minute <= end:
        local = minute.astimezone(there)
        wall = local.replace(tzinfo=None, fold=0)
        is_due = oracle.fits_minute(wall) and not (oracle.is_fixed and local.fold)
        seconds = set(oracle.sets[0]) if is_due else set()
        while oracle.is_fixed and expected < wall:  # the clock skipped something: is any of it due?
            seconds |= {0} if oracle.fits_minute(expected) else set()
            expected += MINUTE
        found += [at for second in sorted(seconds) if start < (at := minute + second * SECOND) <= end]
        expected, minute = wall + MINUTE, minute + MINUTE
    return found


def _field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    steps = st.tuples(st.one_of(st.just("*"), span), st.integers(1, 12)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    one = st.one_of(number.map(str), span, steps)
    return st.one_of(st.just("*"), one, st.lists(one, min_size=2, max_size=3).map(",".join))


@st.composite
def count_from(draw: st.DrawFn) -> tuple[str, str, datetime]:
    """A line, a zone, and an instant not far before something happens there, often a clock change."""
    zone = draw(st.sampled_from(ZONES))
    fields = [draw(_field(*bounds)) for bounds in RANGES]
    fields[4] = draw(st.sampled_from(["*", "*", fields[4]]))
    moments = [moment for year in (2020, 2026, 2037) for moment in changes(zone, year)]
    ordinary = st.datetimes(datetime(2020, 1, 1), datetime(2037, 12, 30))
    near = st.sampled_from(moments).flatmap(
        lambda moment: st.integers(-10_000, 3_600).map(lambda seconds: moment + timedelta(seconds=seconds))
    )
    start = draw(near if moments else ordinary).replace(microsecond=0, tzinfo=UTC)
    return " ".join(fields), zone, start


@cache
def changes(zone: str, year: int) -> list[datetime]:
    """The hours (UTC, naive) in which the clock of a zone changes within a year."""
    there, at, found = ZoneInfo(zone), datetime(year, 1, 1, tzinfo=UTC), []
    while at.year == year:
        after = at + timedelta(hours=1)
        if at.astimezone(there).utcoffset() != after.astimezone(there).utcoffset():
            found.append(after.replace(tzinfo=None))
        at = after
    return found
