"""When a job is due: the author's schedule, and its next slot as a pure function.

In: fields or a crontab line with a time zone, and an instant. Out: the next slot in UTC. Expressions are
evaluated by cronsim (crontab rules: day of month and weekday are alternatives when both are restricted,
weekday 0 and 7 are Sunday, months count from 1; a time in the spring gap runs once, one in the autumn
fold once). mia.js counted months from 0: decision 0006.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from core.errors import BadDeclaration
from core.source import caller_source

_FIELDS = ("second", "minute", "hour", "day_of_month", "month", "day_of_week")
#: mia.js spellings that mean "every"; cronsim refuses them as out of range
_EVERY = {"day_of_month": {"0-31", "1-31"}, "month": {"0-12", "1-12", "0-11"}, "day_of_week": {"0-7", "0-6"}}
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class Schedule:
    """When a job is due.

    Fields below the smallest one given default to 0, those above it to `*`. A field is a number, `*`, a
    range, a list, a step, or a name (`mon`, `jan`); `L` and `5#3` work in the day fields.

    Args:
        second, minute, hour, day_of_month, month, day_of_week: crontab fields.
        every_s: instead of fields: every so many seconds since the epoch.
        timezone: IANA name the fields are read in.

    Raises:
        BadDeclaration: the fields say nothing, cannot be read, or name a date that never comes.
    """

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
        self.source = caller_source()
        self.every_s = every_s
        self.timezone = timezone
        given = dict(zip(_FIELDS, (second, minute, hour, day_of_month, month, day_of_week), strict=True))
        named = [name for name in _FIELDS if given[name] is not None]
        if bool(named) == (every_s is not None):
            raise BadDeclaration(self.source, "a schedule needs either fields or every_s")
        if every_s is not None and every_s < 1:
            raise BadDeclaration(self.source, "every_s must be at least 1")
        smallest = _FIELDS.index(named[0]) if named else 0
        self.fields = {
            name: _normalise(name, given[name], "0" if index < smallest else "*") for index, name in enumerate(_FIELDS)
        }
        self._check()

    @classmethod
    def crontab(cls, line: str, timezone: str = "UTC") -> Schedule:
        """A schedule from a crontab line of five fields, or six with the seconds first."""
        parts = line.split()
        if len(parts) not in (5, 6):
            raise BadDeclaration(caller_source(), f"a crontab line has five or six fields, not {len(parts)}")
        names = _FIELDS[6 - len(parts) :]
        values: dict[str, str | int | None] = dict(zip(names, parts, strict=True))
        schedule = cls(timezone=timezone, **values)  # type: ignore[arg-type]
        schedule.source = caller_source()
        return schedule

    @property
    def expression(self) -> str:
        """The six normalised fields, seconds first, or `every <n> s`."""
        return f"every {self.every_s} s" if self.every_s else " ".join(self.fields[name] for name in _FIELDS)

    def next_slot(self, after: datetime) -> datetime:
        """The first slot later than `after`, an aware `datetime`; returned in UTC."""
        after = after.astimezone(UTC)
        if self.every_s:
            passed = int(after.timestamp()) // self.every_s
            return datetime.fromtimestamp((passed + 1) * self.every_s, UTC)
        slots = CronSim(self.expression, after.astimezone(ZoneInfo(self.timezone)))
        slot = next(slots).astimezone(UTC)
        # In the autumn fold cronsim steps by wall clock and can hand out an instant that has passed.
        while slot <= after:
            slot = next(slots).astimezone(UTC)
        return slot

    def _check(self) -> None:
        try:
            self.next_slot(_EPOCH - timedelta(seconds=1))
        except CronSimError as error:
            raise BadDeclaration(self.source, f"unreadable schedule '{self.expression}': {error}") from None
        except StopIteration:
            message = f"the schedule '{self.expression}' names a date that never comes"
            raise BadDeclaration(self.source, message) from None
        except (KeyError, ValueError, OSError):
            message = f"unknown time zone '{self.timezone}'"
            raise BadDeclaration(self.source, message, "use an IANA name such as Europe/Berlin") from None

    def __repr__(self) -> str:
        return f"<Schedule {self.expression} {self.timezone}>"


def _normalise(name: str, value: str | int | None, default: str) -> str:
    text = default if value is None else str(value).strip()
    return "*" if text in _EVERY.get(name, ()) else text
