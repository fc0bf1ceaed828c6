"""When a job is due: the author's schedule, and its next slot as a pure function.

In: fields or a crontab line with a time zone, and an instant. Out: the next slot in UTC. cronsim reads expressions
by crontab's rules (decision 0006) and sees wall clock times only: its own care for clock changes ends at five fields.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from core.errors import BadDeclaration
from core.source import author_source

FIELDS: Final = ("second", "minute", "hour", "day_of_month", "month", "day_of_week")
#: mia.js spellings that mean "every"; cronsim refuses them as out of range
_EVERY: Final = {"day_of_month": {"0-31", "1-31"}, "month": {"0-12", "1-12", "0-11"}, "day_of_week": {"0-7", "0-6"}}
_NAMES: Final = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
_EPOCH, _SECOND, _DAY = datetime(2000, 1, 1, tzinfo=UTC), timedelta(seconds=1), timedelta(days=1)
_YEAR_S: Final = 366 * 86_400


class Schedule:
    """When a job is due.

    Fields below the smallest one given default to 0, those above it to `*`. A field is a number, `*`, a range, a
    list, a step, or a name (`mon`, `jan`); `L` and `5#3` work in the day fields; `RANDOM` in `second` is a second
    for each job. `every_s` stands instead of fields: so many seconds, counted from the epoch. `timezone` is the
    IANA name the fields are read in. What cannot be read, or never comes, is a `BadDeclaration`.
    """

    random_second = 0  #: what `RANDOM` stands for

    def __init__(
        self,
        *,
        second: str | int | None = None,
        minute: str | int | None = None,
        hour: str | int | None = None,
        day_of_month: str | int | None = None,
        month: str | int | None = None,
        day_of_week: str | int | None = None,
        every_s: int | None = None,
        timezone: str = "UTC",
    ) -> None:
        self.source, self.every_s, self.timezone = author_source(), every_s, timezone
        given = dict(zip(FIELDS, (second, minute, hour, day_of_month, month, day_of_week), strict=True))
        named = [name for name in FIELDS if given[name] is not None]
        if bool(named) == (every_s is not None):
            raise BadDeclaration(self.source, "a schedule needs either fields or every_s")
        if every_s is not None and (type(every_s) is not int or not 1 <= every_s <= _YEAR_S):
            raise BadDeclaration(self.source, "every_s must be a whole number, at least 1 and at most a year")
        smallest = FIELDS.index(named[0]) if named else 0
        usual = ["0"] * smallest + ["*"] * 6
        self.fields = {name: _normalise(name, given[name], usual[at]) for at, name in enumerate(FIELDS)}
        self._check()

    @classmethod
    def crontab(cls, line: str, timezone: str = "UTC") -> Schedule:
        """A schedule from a crontab line of five fields, six with the seconds first, or a name such as `@daily`."""
        parts = _NAMES.get(line.strip().lower(), line).split()
        if len(parts) not in (5, 6):
            raise BadDeclaration(author_source(), f"a crontab line has five or six fields, not {len(parts)}")
        fields: dict[str, Any] = dict(zip(FIELDS[6 - len(parts) :], parts, strict=True))
        return cls(timezone=timezone, **fields)

    @property
    def expression(self) -> str:
        """The six normalised fields, seconds first, or `every <n> s`."""
        return f"every {self.every_s} s" if self.every_s else " ".join(self.fields[name] for name in FIELDS)

    def next_run(self, after: datetime) -> datetime:
        """The first slot later than `after`, an aware `datetime`; returned in UTC.

        A fixed time that the clock skips is due when the gap ends, one that comes twice only the first time. With a
        wildcard or step in minute or hour every real instant counts whose clock time fits.
        """
        after = after.astimezone(UTC)
        if self.every_s:
            return datetime.fromtimestamp((int(after.timestamp()) // self.every_s + 1) * self.every_s, UTC)
        zone, expression = ZoneInfo(self.timezone), self.expression.replace("RANDOM", str(self.random_second))
        if set("*/") & {*self.fields["minute"], *self.fields["hour"]}:
            return _next_real(expression, zone, after)
        times = CronSim(expression, after.astimezone(zone).replace(tzinfo=None, fold=0))
        slot = after
        while slot <= after:
            slot = _to_utc(next(times), zone)
        return slot

    def _check(self) -> None:
        try:
            self.next_run(_EPOCH - _SECOND)
        except (CronSimError, StopIteration) as error:
            reason = f"cannot be read: {error}" if str(error) else "names a date that never comes"
            raise BadDeclaration(self.source, f"the schedule '{self.expression}' {reason}") from None
        except (KeyError, ValueError, OSError):
            hint = "use an IANA name such as Europe/Berlin"
            raise BadDeclaration(self.source, f"unknown time zone '{self.timezone}'", hint) from None


def _normalise(name: str, value: str | int | None, default: str) -> str:
    """A field as cronsim reads it: mia's spellings of a whole range are `*`, and `3-3/2` is 3, not `3/2`."""
    items = []
    for item in (default if value is None else str(value).strip().upper()).split(","):
        base, slash, step = item.partition("/")
        begin, dash, end = base.partition("-")
        whole = "*" if base in _EVERY.get(name, ()) else base
        items.append(begin if dash and begin == end else whole + slash + step)
    return ",".join(items)


def _next_real(expression: str, zone: ZoneInfo, after: datetime) -> datetime:
    """The first instant whose clock time fits. Within a stretch of constant offset clock times step like instants."""
    offset = _offset(after, zone)
    while True:
        slot = (next(CronSim(expression, after.replace(tzinfo=None) + offset)) - offset).replace(tzinfo=UTC)
        if slot - after > _DAY:  # nothing fits until then, whatever the clock does; look closer
            after = slot - _DAY
            offset = _offset(after, zone)
        elif _offset(slot, zone) == offset:
            return slot
        else:  # the clock changes before; go on from there
            change = _change(zone, after, slot)
            after, offset = change - _SECOND, _offset(change, zone)


def _to_utc(wall: datetime, zone: ZoneInfo) -> datetime:
    """A clock time as instant: the first of two, or the end of the gap it is in."""
    slot = wall.replace(tzinfo=zone).astimezone(UTC)
    if slot.astimezone(zone).replace(tzinfo=None, fold=0) == wall:
        return slot
    return _change(zone, wall.replace(tzinfo=zone, fold=1).astimezone(UTC), slot)


def _change(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The instant, in whole seconds, at which the offset of `low` ends; `high` has another one."""
    offset = _offset(low, zone)
    while high - low > _SECOND:
        middle = low + timedelta(seconds=(high - low) // _SECOND // 2)
        low, high = (middle, high) if _offset(middle, zone) == offset else (low, middle)
    return high


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()
