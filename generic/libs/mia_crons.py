"""What mia.js stored about a cron job, in the words of Catena. Pure.

In: a document of mia's collection `cronJobExecution`. Out: the part of the `config` of a job document that it says
something about, and sentences about what it cannot say here. Source: mia.js 6.2, 6.3; decisions 0006 and 0033.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from core import CatenaError, Schedule

#: mia's fields of `time` with the bounds it clamps to, and how far its numbers are from crontab's
_FIELDS = {
    "second": (0, 59, 0),
    "minute": (0, 59, 0),
    "hour": (0, 23, 0),
    "dayOfMonth": (1, 31, 0),
    "month": (0, 11, 1),
    "dayOfWeek": (0, 6, 0),
}
_ITEM = re.compile(r"(?P<low>\d+)(-(?P<high>\d+))?(/(?P<step>\d+))?")
_CAPS = ("maxInstanceNumberTotal", "maxInstanceNumberPerServer")


def convert_config(document: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The configuration to take over from a document, and why something of it is not."""
    stored, notes = document.get("config") or {}, list[str]()
    taken: dict[str, Any] = {"isSuspended": bool(stored.get("isSuspended"))}
    for name in _CAPS:
        taken[name] = max(0, int(stored.get(name) or 0))
    taken["scope"] = "cluster" if taken[_CAPS[0]] == 1 else "server"
    for name in ("allowedHosts", "environment"):
        taken[name] = [str(value) for value in stored.get(name) or ()]
    try:
        taken["time"] = convert_time(stored.get("time") or {})
    except ValueError as error:
        notes.append(f"its time is not taken over: {error}")
    for flag in ("forceRun", "stopJob"):
        if stored.get(flag):
            notes.append(f"{flag} is not taken over: it was meant for a moment")
    if document.get("runningJobsOverall"):
        notes.append(f"{len(document['runningJobsOverall'])} running instances are not taken over")
    return taken, notes


def convert_time(time: Mapping[str, Any]) -> dict[str, str]:
    """A `time` of mia's as a job document has it; a `ValueError` says why there is none that means the same."""
    missing = [name for name in (*_FIELDS, "timezone") if time.get(name) in (None, "")]
    if missing:
        raise ValueError(f"it lacks {', '.join(missing)}, so mia.js did not run it either")
    fields = {name: ",".join(_items(str(time[name]), *bounds)) for name, bounds in _FIELDS.items()}
    fields = {name: "*" if "*" in value.split(",") else value for name, value in fields.items()}
    if not any(fields[name].startswith("*") for name in ("dayOfMonth", "dayOfWeek")):
        both = f"dayOfMonth {time['dayOfMonth']} and dayOfWeek {time['dayOfWeek']}"
        raise ValueError(f"{both} both had to match, and here either one is enough")
    try:
        Schedule(
            second=fields["second"],
            minute=fields["minute"],
            hour=fields["hour"],
            day_of_month=fields["dayOfMonth"],
            month=fields["month"],
            day_of_week=fields["dayOfWeek"],
            timezone=str(time["timezone"]),
        )
    except CatenaError as error:
        raise ValueError(getattr(error, "message", str(error))) from None
    return {**fields, "timezone": str(time["timezone"])}


def _items(text: str, lowest: int, highest: int, shift: int) -> Iterator[str]:
    """The items of a field; numbers out of bounds count as the nearest, and `5/10` is 5, as in mia."""
    for item in text.replace(" ", "").split(","):
        found = _ITEM.fullmatch(item)
        if found is None:  # a name, a star, RANDOM: they mean the same here
            yield item
            continue
        low, high = (min(max(int(found[name] or found["low"]), lowest), highest) for name in ("low", "high"))
        step = f"/{found['step']}" if found["step"] and low != high else ""
        whole = "*" if (low, high) == (lowest, highest) else f"{low + shift}-{high + shift}"
        yield (whole if low != high else str(low + shift)) + step
