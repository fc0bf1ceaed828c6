"""The access log: one line for every request, beside the events of the log and in their form.

In: the end of a request. Out: a line on stdout. Written without a record of the standard library, which would cost a
request four times as much. What stands behind `?` is never logged: it may hold secrets.
"""

from __future__ import annotations

import re
import sys
from time import monotonic, time
from typing import Any, Final

from core.load.convert import SECRET_NAME
from core.log import count_dropped, format_time, make_formatter
from core.serve.request import Request
from core.settings import Log

_PATH_BYTES: Final = 1024
_VARIABLE: Final = re.compile(r":(\w+)")


class AccessLog:
    """Writes the lines of one worker."""

    def __init__(self, settings: Log, mode: str) -> None:
        self._write = make_formatter(settings, mode).write
        self._hidden: dict[int, bool] = {}

    def note(self, request: Request, status: int, size: int) -> None:
        """A request is over.

        Shape: `timestamp level tag message action method route path status elapsed_ms bytes client_ip request_id
        trace_id?`. `route` is the pattern, empty where none matched; it stands for a path with a variable of a secret
        name.
        """
        elapsed_ms, route = (monotonic() - request.started_s) * 1000, request.route
        pattern, method = route.url if route else "", request.method[:16]
        path = pattern if self._hides(route) else request.raw_path[:_PATH_BYTES].decode("latin-1")
        event: dict[str, Any] = {
            "timestamp": format_time(time()),
            "level": "info",
            "tag": "access",
            "message": f"{method} {path} {status}",
            "action": "request.done",
            "method": method,
            "route": pattern,
            "path": path,
            "status": status,
            "elapsed_ms": round(elapsed_ms, 3),
            "bytes": size,
            "client_ip": request.client_ip,
            "request_id": request.id,
        }
        if b"traceparent" in request.index and (trace_id := request.trace_id):
            event["trace_id"] = trace_id
        try:
            sys.stdout.write(self._write(event) + "\n")
            sys.stdout.flush()
        except (OSError, ValueError):  # nobody reads it, the disk is full, or it is closed
            count_dropped(1)

    def _hides(self, route: Any) -> bool:
        hides = self._hidden.get(id(route))
        if hides is None:
            names = _VARIABLE.findall(route.url) if route else []
            hides = self._hidden[id(route)] = any(SECRET_NAME.search(name) or name == "key" for name in names)
        return hides
