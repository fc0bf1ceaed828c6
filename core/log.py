"""Logging: one event a line, JSON for machines or text for people, on the standard library.

In: `logging` calls with `extra={"action": …}`, or those of `get_logger`. Out: lines on stdout, from `error`
upwards on stderr. Nothing is formatted before the level is known; an event that cannot be written as it is
leaves a line that says so, and never raises.
"""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from core.settings import Log

#: mia's level names → those of the standard library
LEVELS: Final[Mapping[str, int]] = {
    "fatal": logging.CRITICAL,
    "error": logging.ERROR,
    "warn": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": 5,
    "none": logging.CRITICAL + 10,
}
#: every logger of ours stands below this one; the rest of its name is the tag
ROOT: Final = "catena"

_NAMES: Final = {number: name for name, number in LEVELS.items()}
_OWN: Final = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime", "taskName"}
# What could start a line, drive a terminal or turn the direction of text; also halves of characters, which no
# encoding can write. The second set is what JSON leaves as it is.
_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_UNSAFE_IN_JSON: Final = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_OPTIONS: Final = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


class EventLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger with mia's level names; `action=` and `data=` go into members of the event.

    Other keywords are those of the standard library; what `extra=` holds is added to the fixed members.
    """

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Called once the level is known: gather the members of the event."""
        members = {**(self.extra or {}), **(kwargs.pop("extra", None) or {})}
        for name in ("action", "data"):
            if name in kwargs:
                members[name] = kwargs.pop(name)
        kwargs["extra"] = members
        return msg, kwargs

    def fatal(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log that the process cannot go on."""
        self.log(logging.CRITICAL, msg, *args, **kwargs)

    def warn(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log something that will need attention."""
        self.log(logging.WARNING, msg, *args, **kwargs)

    def trace(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log a detail below `debug`."""
        self.log(LEVELS["trace"], msg, *args, **kwargs)


def get_logger(tag: str = "default", **members: Any) -> EventLogger:
    """A logger for a tag; its events carry the members given here, such as `request_id`."""
    return EventLogger(logging.getLogger(f"{ROOT}.{tag.lower()}"), members)


class JsonFormatter(logging.Formatter):
    """One JSON object a line.

    Shape: `timestamp level tag message`, then `action data request_id` and other members of the event,
    `exception` with the traceback, `hostname pid mode`.
    """

    def __init__(self, mode: str) -> None:
        super().__init__()
        self._mode = mode
        self._hostname = socket.gethostname()

    def format(self, record: logging.LogRecord) -> str:
        """The line of an event, without the line feed."""
        event: dict[str, Any] = {
            "timestamp": _timestamp(record),
            "level": _level(record),
            "tag": _tag(record),
            "message": _message_of(record),
        }
        event |= {name: value for name, value in _extras(record).items() if name not in event}
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        event |= {"hostname": self._hostname, "pid": os.getpid(), "mode": self._mode}
        try:
            line = orjson.dumps(event, default=str, option=_OPTIONS)
        except TypeError:  # halves of characters, cycles, integers beyond 64 bits
            line = orjson.dumps({name: _harden(value) for name, value in event.items()}, option=_OPTIONS)
        return _UNSAFE_IN_JSON.sub(_escape_one, line.decode())


class TextFormatter(logging.Formatter):
    """Lines for people: time, level, tag, message, ` --> ` data; a traceback follows, indented."""

    def format(self, record: logging.LogRecord) -> str:
        """The lines of an event, without the last line feed."""
        extras = _extras(record)
        data = extras.pop("data", None)
        tag = _tag(record)
        line = f"{_timestamp(record)} [{_level(record)}]{f' [{tag}]' if tag != 'default' else ''}"
        line = f"{line}: {_escape(_message_of(record))}"
        line += "".join(f" {name}={_escape(str(value))}" for name, value in extras.items())
        if data is not None:
            line += f" --> {_escape(str(data))}"
        if record.exc_info:
            # Indented, so that no text in it passes for an event of its own.
            trace = self.formatException(record.exc_info).split("\n")
            line += "".join(f"\n    {_escape(part)}" for part in trace)
        return line


class _Stream(logging.StreamHandler[Any]):
    """Writes to what stdout or stderr is now, so that redirecting them works."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr if record.levelno >= logging.ERROR else sys.stdout
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  the standard library's name
        """Called by the standard library for whatever went wrong: say where, on one line."""
        error = sys.exc_info()[0]
        place = {"file": record.pathname, "line": record.lineno, "error": error.__name__ if error else ""}
        event = {"level": "error", "tag": "log", "message": "an event could not be written", "data": place}
        # A process whose stderr is gone has nobody to tell.
        if sys.stderr is not None and not isinstance(sys.exc_info()[1], (BrokenPipeError, ValueError)):
            sys.stderr.write(json.dumps(event) + "\n")


def configure_logging(settings: Log, mode: str) -> None:
    """Send everything that Catena logs to this process's output, as the settings say."""
    handler = _Stream()
    handler.setFormatter(JsonFormatter(mode) if settings.format == "json" else TextFormatter())
    logging.addLevelName(LEVELS["trace"], "TRACE")
    root = logging.getLogger(ROOT)
    root.handlers[:] = [handler]
    root.setLevel(LEVELS[settings.level])
    root.propagate = False
    server = logging.getLogger("uvicorn")
    server.handlers[:] = [handler]
    server.setLevel(max(LEVELS[settings.level], logging.WARNING))
    server.propagate = False


def _timestamp(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _level(record: logging.LogRecord) -> str:
    return _NAMES.get(record.levelno, record.levelname.lower())


def _tag(record: logging.LogRecord) -> str:
    return record.name.removeprefix(f"{ROOT}.")


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"{record.msg} {record.args!r}"


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {key: value for key, value in record.__dict__.items() if key not in _OWN}


def _harden(value: Any) -> Any:
    if value is None or (isinstance(value, int) and abs(value) < 2**63):
        return value
    return _escape(str(value))


def _escape(text: str) -> str:
    """The text on one line, without anything that a terminal would obey."""
    return _UNSAFE.sub(_escape_one, text)


def _escape_one(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
