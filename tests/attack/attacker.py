"""Who attacks: sends requests over one kept connection and looks at every answer for what it must not say.

In: a running server. Out: answers that were checked: no 5xx, errors in the envelope, nothing of the inside in
them, and the connection still in order afterwards: a second request, already on its way, gets its own answer.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tests.rig.raw_http import RawAnswer, RawConnection
from tests.server import Server

LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
#: what stands in error answers of servers that talk about themselves
_INSIDE = re.compile(
    rb"Traceback|line \d+|\.py\b|pymongo|bson|E11000|dup key|_id_|index:|target-accounts|demo-todos|s3cret"
    rb"|mongodb|\.sock|uvicorn|starlette|python|\$match|\$group|" + re.escape(socket.gethostname().encode()),
    re.IGNORECASE,
)


class Attacker:
    """A client on one connection, renewed when the server says that it closes it."""

    def __init__(self, server: Server) -> None:
        self._port = server.port
        self._connection = RawConnection(server.port)

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> RawAnswer:
        """The checked answer; headers as for `RawConnection.send`."""
        self._connection.send(method, path, body, **headers)
        return self._read()

    def ask_json(self, method: str, path: str, value: Any, **headers: str) -> RawAnswer:
        return self.ask(method, path, json.dumps(value).encode(), **headers)

    def ask_bytes(self, data: bytes) -> RawAnswer:
        """The answer to bytes that are a whole request, more or less."""
        self._connection.send_bytes(data)
        return self._read()

    def _read(self) -> RawAnswer:
        is_in_order = False
        try:
            self._connection.send_bytes(LIVE)  # already on its way when the first one is answered
            answer = self._connection.read()
            check_answer(answer)
            if answer.is_last:
                assert self._connection.is_closed()
            else:
                assert self._connection.read().json() == {"status": "live"}
                is_in_order = True
        finally:
            if not is_in_order:
                self._connection.close()
                self._connection = RawConnection(self._port)
        return answer

    def close(self) -> None:
        self._connection.close()


@contextmanager
def attacker_of(server: Server) -> Iterator[Attacker]:
    """A client, closed with the block."""
    attacker = Attacker(server)
    try:
        yield attacker
    finally:
        attacker.close()


def check_answer(answer: RawAnswer, statuses: Sequence[int] = ()) -> None:
    """Fails when an answer is a 5xx, or an error that is not in the envelope or tells about the inside."""
    assert answer.status < 500 or answer.status in statuses, answer
    if answer.status >= 400 and answer.headers["content-type"].startswith("application/json"):
        envelope = answer.json()
        assert envelope["status"] == answer.status
        assert all({"code", "msg"} <= set(item) <= {"code", "msg", "id", "in"} for item in envelope["errors"]), envelope
    if answer.status >= 400:
        said = answer.body + b" ".join(f"{name}: {value}".encode() for name, value in answer.headers.items())
        found = _INSIDE.search(said)
        assert found is None, f"{found[0]!r} in {answer}"


def errors_of(server: Server) -> list[str]:
    """The log lines of level error so far; a server that is attacked has none."""
    return [line for line in server.output.splitlines() if '"level":"error"' in line or "Traceback" in line]
