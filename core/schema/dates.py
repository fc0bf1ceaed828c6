"""Dates: from the forms that clients send to aware UTC datetimes in whole milliseconds.

In: text, or milliseconds since the epoch. Out: a `datetime`, or `ValueError`. Milliseconds, because that is
what MongoDB stores: what was checked is what will be read back. Text without a zone is UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_ISO: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d\d:?\d\d)?)?", re.ASCII
)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CLOCK: Final = (
    r"(?: (\d\d):(\d\d)(?::(\d\d))?)?"  # time
    r"(?: ?(?:GMT|UTC|UT|Z)?([+-]\d{4})?)(?: \([A-Za-z ]{1,40}\))?"  # zone, its name as browsers print it
)
_WEEKDAY: Final = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?"
_MAIL: Final = re.compile(_WEEKDAY + r"(\d{1,2}) ([A-Z][a-z]{2}) (\d{4})" + _CLOCK, re.ASCII)
_BROWSER: Final = re.compile(_WEEKDAY + r"([A-Z][a-z]{2}) (\d{1,2}),? (\d{4})" + _CLOCK, re.ASCII)
_LONGEST: Final = 80
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: the first and the last millisecond of the calendar
FIRST_MS: Final = -62_135_596_800_000
LAST_MS: Final = 253_402_300_799_999


def parse_date(text: str) -> datetime:
    """A date from an ISO date, an ISO date-time, or a date as mails and browsers write it.

    Raises:
        ValueError: it is none of them, or does not exist.
    """
    if len(text) > _LONGEST:
        raise ValueError(text[:_LONGEST])
    if _ISO.fullmatch(text):
        return to_utc(datetime.fromisoformat(text.upper()))
    mail = _MAIL.fullmatch(text)
    if mail:
        day, month, *rest = mail.groups()
        return _build(day, month, *rest)
    browser = _BROWSER.fullmatch(text)
    if browser:
        month, day, *rest = browser.groups()
        return _build(day, month, *rest)
    raise ValueError(text)


def _build(
    day: str, month: str, year: str, hour: str | None, minute: str | None, second: str | None, zone: str | None
) -> datetime:
    offset = timedelta()
    if zone:
        offset = timedelta(hours=int(zone[:3]), minutes=int(zone[0] + zone[3:]))
    date = (int(year), _MONTHS.index(month.lower()) + 1, int(day))
    clock = (int(hour or 0), int(minute or 0), int(second or 0))
    return to_utc(datetime(*date, *clock, tzinfo=timezone(offset)))


def from_milliseconds(value: float) -> datetime:
    """A date from whole milliseconds since the epoch.

    Raises:
        ValueError: not whole, or outside the calendar.
    """
    if not FIRST_MS <= value <= LAST_MS or value != value // 1:
        raise ValueError(value)
    return _EPOCH + timedelta(milliseconds=int(value))


def to_utc(value: datetime) -> datetime:
    """The same moment in UTC, in whole milliseconds; without a zone it is UTC.

    Raises:
        ValueError: it lies outside the calendar.
    """
    try:
        moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        raise ValueError(value) from None
    micros = moment.microsecond
    return moment.replace(microsecond=micros - micros % 1000) if micros % 1000 else moment
