"""One MongoDB command over one fresh connection, without the driver: for starting a local mongod.

In: an address and a command document. Out: the reply. The process that starts a mongod is a supervisor that
forks or spawns workers: the driver would bring threads that do not survive a fork, and 0.3 s of imports.
Loopback and unix sockets only; no TLS, no authentication, no retries. Requests never come here.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from typing import Any, Final

import bson

_OP_MSG: Final = 2013
_HEADER: Final = struct.Struct("<iiii")


def send_command(host: str, command: Mapping[str, Any], timeout_s: float = 5) -> dict[str, Any]:
    """The reply of the server to an admin command; replies with `ok: 0` are returned like any other.

    Args:
        host: a socket path (anything with a `/`), or `127.0.0.1:port`.
        command: its first key is the name of the command.
        timeout_s: for connecting and for each read.

    Raises:
        OSError: nobody answers.
    """
    body = struct.pack("<I", 0) + b"\0" + bson.encode({**command, "$db": "admin"})
    with _connect(host, timeout_s) as connection:
        connection.sendall(_HEADER.pack(_HEADER.size + len(body), 1, 0, _OP_MSG) + body)
        length = _HEADER.unpack(_read(connection, _HEADER.size))[0]
        reply = _read(connection, length - _HEADER.size)
    return bson.decode(reply[5:])  # after the flags (4 bytes) and the kind of the only section (1)


def _connect(host: str, timeout_s: float) -> socket.socket:
    if "/" not in host:
        name, port = host.rsplit(":", 1)
        return socket.create_connection((name, int(port)), timeout_s)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(timeout_s)
    try:
        connection.connect(host)
    except OSError:
        connection.close()
        raise
    return connection


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise ConnectionError("the server closed the connection")
        data += piece
    return data
