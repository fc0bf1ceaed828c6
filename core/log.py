"""Logging: one event a line, JSON for machines or text for people, on the standard library.

In: `logging` calls with `extra={"action": …}`. Out: lines on stdout, from `error` upwards on stderr. Nothing is
formatted before the level is known; a logger that cannot write never raises.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from core.settings import Log, Secret

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
_NAMES: Final = {number: name for name, number in LEVELS.items()}
_OWN: Final = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime", "taskName"}
#: what could start a new line or drive a terminal; JSON escapes most, not the last three
_UNSAFE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]|\r|\n")


class JsonFormatter(logging.Formatter):
    """One JSON object a line: timestamp, level, tag, message, hostname, pid, mode, and the extras of the event."""

    def __init__(self, mode: str) -> None:
        super().__init__()
        self._fixed = {"hostname": socket.gethostname(), "pid": os.getpid(), "mode": mode}

    def format(self, record: logging.LogRecord) -> str:
        """The line of an event, without the line feed."""
        event: dict[str, Any] = {
            "timestamp": _timestamp(record),
            "level": _NAMES.get(record.levelno, record.levelname.lower()),
            "tag": record.name.removeprefix("catena."),
            "message": _escape(_message_of(record)),
        }
        event |= _extras(record)
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(event | self._fixed, default=_to_text, option=orjson.OPT_NON_STR_KEYS).decode()


class TextFormatter(logging.Formatter):
    """Lines for people: time, level, tag, message, then the extras."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of an event; a traceback follows on lines of its own."""
        level = _NAMES.get(record.levelno, record.levelname.lower())
        extras = "".join(f" {key}={_escape(_to_text(value))}" for key, value in _extras(record).items())
        tag = record.name.removeprefix("catena.")
        line = f"{_timestamp(record)} [{level}] [{tag}]: {_escape(_message_of(record))}{extras}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class _Stream(logging.StreamHandler[Any]):
    """Writes to what stdout or stderr is now, so that redirecting them works."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr if record.levelno >= logging.ERROR else sys.stdout
        super().emit(record)


def configure_logging(settings: Log, mode: str) -> None:
    """Send everything that Catena logs to this process's output, as the settings say."""
    handler = _Stream()
    handler.setFormatter(JsonFormatter(mode) if settings.format == "json" else TextFormatter())
    logging.addLevelName(LEVELS["trace"], "TRACE")
    root = logging.getLogger("catena")
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


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        return f"{record.msg} {record.args!r}"


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {
        key: _escape(value) if isinstance(value, str) else value
        for key, value in record.__dict__.items()
        if key not in _OWN
    }


def _escape(text: str) -> str:
    """The text on one line, without anything that a terminal would obey."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _to_text(value: Any) -> str:
    return repr(value) if isinstance(value, Secret) else str(value)
