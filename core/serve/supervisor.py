"""Several workers behind one socket: started, replaced when they die, restarted one by one.

In: bound sockets and a number of workers. Out: an exit code. The parent only supervises: each worker is the
same command line with `CATENA_WORKER` in its environment and inherits the listening sockets, so that no
connection waits in the queue of a worker that is gone. A worker ends when its parent does.
"""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

#: gives something whenever the workers are to restart, until the event says that nobody waits any more
Watch = Callable[[threading.Event], Iterable[object]]
VARIABLE: Final = "CATENA_WORKER"
_READY_S: Final = 60.0
_log = logging.getLogger("catena.server")


@dataclass(frozen=True, slots=True)
class WorkerPlace:
    """What a worker inherits. `index` 0 is the worker that runs crons."""

    index: int
    sockets: Sequence[int]
    ready: int
    parent: int

    @classmethod
    def read(cls) -> WorkerPlace | None:
        """The place of this process, or `None` when it is no worker of a supervisor."""
        text = os.environ.get(VARIABLE)
        return cls(**json.loads(text)) if text else None

    def listening_sockets(self) -> list[socket.socket]:
        """The inherited sockets; real AF_INET ones, so that TCP_NODELAY is set on connections."""
        return [socket.socket(fileno=number) for number in self.sockets]

    def report_ready(self) -> None:
        """Tell the supervisor that requests are answered."""
        os.write(self.ready, b"r")
        os.close(self.ready)

    def end_with_parent(self) -> None:
        """Stop this process when the supervisor is gone, however it went."""

        def watch() -> None:
            os.read(self.parent, 1)
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=watch, name="catena-parent", daemon=True).start()


class _Worker:
    """A process with two pipes: it writes to `ready` once, and ends when `lifeline` closes."""

    def __init__(self, index: int, sockets: Sequence[socket.socket]) -> None:
        self.index = index
        self.started_at = time.monotonic()
        self.ready, ready = os.pipe()
        parent, self.lifeline = os.pipe()
        numbers = [listener.fileno() for listener in sockets]
        place = {"index": index, "sockets": numbers, "ready": ready, "parent": parent}
        self.process = subprocess.Popen(  # noqa: S603  our own command line again
            [sys.executable, *sys.orig_argv[1:]],
            pass_fds=(*numbers, ready, parent),
            env={**os.environ, VARIABLE: json.dumps(place)},
        )
        os.close(ready)
        os.close(parent)

    def wait_ready(self, stop: threading.Event) -> bool:
        """Whether it answers requests; false when it ended, took too long, or nobody waits any more."""
        while not stop.is_set() and time.monotonic() < self.started_at + _READY_S:
            if select.select([self.ready], [], [], 0.1)[0]:
                return os.read(self.ready, 1) == b"r"
        return False

    def close(self) -> None:
        os.close(self.ready)
        os.close(self.lifeline)


class Supervisor:
    """Keeps a number of workers alive until it is told to stop; then each has `stop_s` to end."""

    def __init__(self, sockets: Sequence[socket.socket], count: int, stop_s: float, watch: Watch | None) -> None:
        self._sockets, self._count, self._stop_s, self._watch = sockets, count, stop_s, watch
        self._workers: list[_Worker] = []
        self._stop, self._restart, self._kill = threading.Event(), threading.Event(), False

    def run(self) -> int:
        """Supervise until SIGTERM, SIGINT or a closed terminal; a second signal ends all at once. SIGHUP restarts."""
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        terminals = [number for number in range(3) if os.isatty(number)]
        signal.signal(signal.SIGHUP, lambda *_: (self._restart if all(map(os.isatty, terminals)) else self._stop).set())
        self._workers = [_Worker(index, self._sockets) for index in range(self._count)]
        started = all(worker.wait_ready(self._stop) for worker in self._workers)
        if not (started or self._stop.is_set()):
            text = f"a worker ended, or was not ready within {_READY_S:g} s: the server does not start"
            _log.error(text, extra={"action": "start.failed"})
        if started and self._watch is not None:
            threading.Thread(target=self._reload, args=(self._watch,), name="catena-reload", daemon=True).start()
        while started and not self._stop.wait(0.2):
            if self._restart.is_set():
                self._restart.clear()
                self._roll()
            self._replace_dead()
        for listener in self._sockets:  # or clients would wait in its queue until the last worker has ended
            listener.close()
        self._end(list(self._workers), at_last=True)
        return 0 if started or self._stop.is_set() else 1

    def _on_stop(self, *_: Any) -> None:
        self._kill = self._stop.is_set()
        self._stop.set()

    def _replace_dead(self) -> None:
        for position, worker in enumerate(self._workers):
            code = worker.process.poll()
            if code is None or self._stop.is_set():
                continue
            extra = {"action": "worker.died", "worker": worker.process.pid, "exit_code": code}
            _log.error("worker %d ended with %d; starting another", worker.process.pid, code, extra=extra)
            worker.close()
            if time.monotonic() - worker.started_at < 1:
                self._stop.wait(1)  # one that dies at once must not eat the machine
            self._workers[position] = _Worker(worker.index, self._sockets)

    def _roll(self) -> None:
        """Replace the workers one by one; an old one goes when the new one answers."""
        for old in list(self._workers):
            new = _Worker(old.index, self._sockets)
            self._workers.append(new)
            if not new.wait_ready(self._stop):
                if not self._stop.is_set():
                    _log.error("the new worker does not start; the old ones go on", extra={"action": "worker.kept"})
                self._end([new])
                return
            self._end([old])
        _log.info("all workers restarted", extra={"action": "worker.restarted"})

    def _reload(self, watch: Watch) -> None:
        for _ in watch(self._stop):
            _log.info("a file changed, restarting", extra={"action": "server.reload"})
            self._restart.set()

    def _end(self, workers: Sequence[_Worker], *, at_last: bool = False) -> None:
        """Tell workers to stop and wait for them; when all are to stop, they are waited for together, `at_last`."""
        for worker in workers:
            worker.process.terminate()
        deadline = time.monotonic() + self._stop_s
        for worker in workers:
            while worker.process.poll() is None:
                if self._stop.is_set() and not at_last:
                    return
                if self._kill or time.monotonic() > deadline:
                    worker.process.kill()
                time.sleep(0.02)
            self._workers.remove(worker)
            worker.close()
