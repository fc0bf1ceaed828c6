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
import select
import socket
import sys
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Literal

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
#: bytes that a pipe takes at once when it says that it has room
_PIECE: Final = getattr(select, "PIPE_BUF", 4096)
_OPTIONS: Final = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


class EventLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger whose events carry members of their own beside those of `extra=`."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Called once the level is known: gather the members of the event."""
        kwargs["extra"] = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        return msg, kwargs


def get_logger(tag: str, **members: Any) -> EventLogger:
    """A logger for a tag; its events carry the members given here, such as `request_id`."""
    return EventLogger(logging.getLogger(f"{ROOT}.{tag}"), members)


class JsonFormatter(logging.Formatter):
    """One JSON object a line.

    Shape: `timestamp level tag message`, then `action data request_id` and other members of the event,
    `exception` with the traceback, `hostname pid mode`.
    """

    def __init__(self, mode: str) -> None:
        super().__init__()
        self._process = {"hostname": socket.gethostname(), "pid": os.getpid(), "mode": mode}

    def format(self, record: logging.LogRecord) -> str:
        """The line of an event, without the line feed."""
        event = _read_event(record)
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return self.write(event)

    def write(self, event: dict[str, Any]) -> str:
        """The same from the members of an event."""
        event |= self._process
        try:
            line = orjson.dumps(event, default=str, option=_OPTIONS)
        except TypeError:  # halves of characters, cycles, integers beyond 64 bits
            line = orjson.dumps({name: _harden(value) for name, value in event.items()}, option=_OPTIONS)
        return _harden_json(line.decode())

    def escape(self, text: str) -> str:
        """How a text stands inside of quotes."""
        if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
            return text
        return _harden_json(orjson.dumps(text).decode()[1:-1])


class TextFormatter(logging.Formatter):
    """Lines for people: time, level, tag, message, ` --> ` data; a traceback follows, indented."""

    def format(self, record: logging.LogRecord) -> str:
        """The lines of an event, without the last line feed."""
        # Indented, so that no text in it passes for an event of its own.
        trace = self.formatException(record.exc_info).split("\n") if record.exc_info else []
        return "\n    ".join([self.write(_read_event(record)), *(_UNSAFE.sub(_escape_one, line) for line in trace)])

    def write(self, event: dict[str, Any]) -> str:
        """The line from the members of an event."""
        head = "{timestamp} [{level}] [{tag}]: {message}".format_map(event)
        data = f" --> {event.pop('data')}" if "data" in event else ""
        others = "".join(f" {name}={value}" for name, value in list(event.items())[4:])
        return self.escape(f"{head}{others}{data}")

    def escape(self, text: str) -> str:
        """How a text stands in a line."""
        return _UNSAFE.sub(_escape_one, text)


#: lines that were left out, because there were too many of a kind, or could not be written
_dropped = 0


def count_dropped(more: int = 0) -> int:
    """How many lines of this process were left out or not written; `more` adds to it."""
    global _dropped  # noqa: PLW0603  the standard library's loggers belong to the process, too
    _dropped += more
    return _dropped


class Output:
    """What stdout or stderr is now, so that redirecting them works. It waits for nobody who should read it."""

    def __init__(self, name: Literal["stdout", "stderr"]) -> None:
        self._name = name

    def write(self, lines: str) -> None:
        """Write lines, in pieces that a pipe with room takes at once; `BlockingIOError` when it has none."""
        stream, size, at = getattr(sys, self._name), _PIECE if lines.isascii() else _PIECE // 4, 0
        while at < len(lines):
            # The rest of a line that has begun may take a moment, so that few lines are torn.
            if not _is_ready(stream, wait_ms=100 if at and lines[at - 1] != "\n" else 0):
                raise BlockingIOError
            end = lines.rfind("\n", at, at + size) + 1 or at + size
            stream.write(lines[at:end])
            stream.flush()
            at = end

    def flush(self) -> None:
        """Nothing is kept back."""


def _is_ready(stream: Any, wait_ms: int) -> bool:
    """Whether a stream takes a piece; another worker with the same pipe may be faster, which only costs a wait."""
    try:
        poll = select.poll()
        poll.register(stream.fileno(), select.POLLOUT)
    except (AttributeError, OSError, ValueError):  # no file, or a system without `poll`
        return True
    return bool(poll.poll(wait_ms))


class _Stream(logging.StreamHandler[Any]):
    """Events below `error` go to stdout, unless a command prints there; the others to stderr."""

    def __init__(self, usual: Output) -> None:
        super().__init__()
        self._usual, self._errors = usual, Output("stderr")

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = self._errors if record.levelno >= logging.ERROR else self._usual
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  the standard library's name
        """Called by the standard library for whatever went wrong: say where, on one line."""
        count_dropped(1)
        error = sys.exc_info()[0]
        place = {"file": record.pathname, "line": record.lineno, "error": error.__name__ if error else ""}
        event = {"level": "error", "tag": "log", "message": "an event could not be written", "data": place}
        # A process whose stderr is gone, full or not read has nobody to tell.
        if sys.stderr is not None and not isinstance(sys.exc_info()[1], (BrokenPipeError, BlockingIOError, ValueError)):
            with suppress(OSError):
                self._errors.write(json.dumps(event) + "\n")


def make_formatter(settings: Log, mode: str) -> JsonFormatter | TextFormatter:
    """What writes the lines that the settings ask for."""
    return JsonFormatter(mode) if settings.format == "json" else TextFormatter()


def configure_logging(settings: Log, mode: str, output: Literal["stdout", "stderr"] = "stdout") -> None:
    """Send what Catena logs, and warnings of others, to this process's output, as the settings say."""
    handler = _Stream(Output(output))
    handler.setLevel(LEVELS[settings.level])
    handler.setFormatter(make_formatter(settings, mode))
    logger = logging.getLogger(ROOT)
    logger.handlers[:] = [handler]
    logger.setLevel(handler.level)
    logger.propagate = False
    logging.lastResort = handler  # would print events of loggers without a handler as they are
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # warns of each body that is answered 400


@lru_cache(maxsize=2)  # many events happen in one
def _format_millisecond(at: int) -> str:
    return f"{datetime.fromtimestamp(at // 1000, UTC).isoformat()[:-6]}.{at % 1000:03d}Z"


def format_time(at: float) -> str:
    """A time of `time.time()` as ISO 8601 in UTC, with milliseconds."""
    return _format_millisecond(int(at * 1000))


def _read_event(record: logging.LogRecord) -> dict[str, Any]:
    """The four fixed members of an event, then those that came with it."""
    try:
        message = record.getMessage()
    except (TypeError, ValueError, KeyError):  # its arguments do not fit
        message = f"{record.msg} {record.args!r}"
    event = {
        "timestamp": format_time(record.created),
        "level": _NAMES.get(record.levelno, record.levelname.lower()),
        "tag": record.name.removeprefix(f"{ROOT}."),
        "message": message,
    }
    known = _OWN | event.keys()
    return event | {name: value for name, value in record.__dict__.items() if name not in known}


def _harden_json(text: str) -> str:
    return text if text.isascii() and "\x7f" not in text else _UNSAFE_IN_JSON.sub(_escape_one, text)


def _harden(value: Any) -> Any:
    if value is None or (isinstance(value, int) and abs(value) < 2**63):
        return value
    return _UNSAFE.sub(_escape_one, str(value))


def _escape_one(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
