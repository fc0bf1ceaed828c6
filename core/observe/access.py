"""The access log: one line for every request, beside the events of the log and in their form.

In: the end of requests. Out: their lines on stdout. Neither an event of the standard library nor JSON is
made for one: what requests have in common is written once. What stands behind `?` is never logged: it may hold secrets.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from time import time
from typing import Any, Final

from core.load.convert import SECRET_NAME
from core.log import Output, count_dropped, format_time, make_formatter
from core.observe.turn import Over
from core.settings import Log

_PATH_BYTES: Final = 1024
_VARIABLE: Final = re.compile(r":(\w+)")
#: what stands for a value until its place is made; JSON puts quotes around it, as around any text
_TEXT, _TIME, _NUMBER = "\ue000", "\ue001", "\ue002"
_PLACES: Final = {_TEXT: "%s", f'"{_TIME}"': "%.3f", _TIME: "%.3f", f'"{_NUMBER}"': "%d", _NUMBER: "%d"}


class AccessLog:
    """Writes the lines of one worker."""

    def __init__(self, settings: Log, mode: str) -> None:
        self._formatter, self._output = make_formatter(settings, mode), Output("stdout")
        self._form = lru_cache(maxsize=1024)(self._write_form)

    def note(self, over: Sequence[Over]) -> None:
        """Write the lines of requests that are over.

        Shape: `timestamp level tag message action method route path status elapsed_ms bytes client_ip request_id
        trace_id?`. `route` is the pattern, empty where none matched; it stands for a path with a variable of a secret
        name.
        """
        at, escape, lines = format_time(time()), self._formatter.escape, []
        for request, status, size, elapsed_s in over:
            pattern = request.route.url if request.route else ""
            trace_id = request.trace_id if b"traceparent" in request.index else ""
            form, is_hidden = self._form(request.method, pattern, status, trace_id != "")
            path = escape(pattern if is_hidden else request.raw_path[:_PATH_BYTES].decode("latin-1"))
            parts = at, path, path, elapsed_s * 1000, size, request.client_ip, request.id
            lines.append(form % ((*parts, trace_id) if trace_id else parts))
        try:
            self._output.write("".join(lines))
        except (OSError, ValueError):  # nobody reads it, the disk is full, or it is closed
            count_dropped(len(lines))

    def _write_form(self, method: str, pattern: str, status: int, is_traced: bool) -> tuple[str, bool]:
        """The line of requests that have this in common, with places for what they do not; whether it hides a path."""
        event: dict[str, Any] = {"timestamp": _TEXT, "level": "info", "tag": "access"}
        event |= {"message": f"{method[:16]} {_TEXT} {status}", "action": "request.done", "method": method[:16]}
        event |= {"route": pattern, "path": _TEXT, "status": status, "elapsed_ms": _TIME, "bytes": _NUMBER}
        event |= {"client_ip": _TEXT, "request_id": _TEXT} | ({"trace_id": _TEXT} if is_traced else {})
        line = self._formatter.write(event).replace("%", "%%")
        for mark, place in _PLACES.items():
            line = line.replace(mark, place)
        names = _VARIABLE.findall(pattern)
        return f"{line}\n", any(SECRET_NAME.search(name) or name == "key" for name in names)
