"""What is to be done now: pure functions of the time and of what is known.

In: schedules and instants. Out: slots to start or to skip. Before: `schedule.py`. Next: `manager.py`; what is planned
here happens only if the database agrees. Who fell silent: `lease.py`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from core.cron.schedule import Schedule

#: a slot that is older was missed: nobody starts it as if it were due now
LATE: Final = timedelta(seconds=5)
#: how many slots of a longer gap are counted or run
MOST_MISSED: Final = 100


def plan_starts(schedule: Schedule, handled: datetime, now: datetime) -> list[datetime] | None:
    """The slots after `handled` that are due; `None` after a gap, when the database has to say what was missed."""
    slots = _slots(schedule, handled, now)
    return None if slots and now - slots[0] > LATE else slots


def plan_skip(schedule: Schedule, last: datetime, now: datetime) -> list[datetime]:
    """The newest slots that nobody ran, oldest first; `last` is the newest that somebody handled."""
    low, high, slots = last, now, _slots(schedule, last, now)
    while len(slots) > 2 * MOST_MISSED or (low > last and len(slots) < MOST_MISSED):
        middle = low + (high - low) / 2
        slots = _slots(schedule, middle, now)
        low, high = (middle, high) if len(slots) > 2 * MOST_MISSED else (low, middle)
    return slots[-MOST_MISSED:]


def _slots(schedule: Schedule, after: datetime, until: datetime) -> list[datetime]:
    """The first slots in between: one more than are wanted at most."""
    found: list[datetime] = []
    while len(found) <= 2 * MOST_MISSED and (slot := schedule.next_run(found[-1] if found else after)) <= until:
        found.append(slot)
    return found
