"""Processes are killed, frozen and started again, and the schedule says when."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.mongo import wait_until
from tests.rig.events import read_events
from tests.rig.processes import Process, deaths_of, run_kills, running

TICKER = """
import sys, time
from tests.rig.events import EventLog
log = EventLog(sys.argv[1])
while True:
    log.write("tick")
    time.sleep(0.005)
"""


def ticker(folder: Path, number: int = 0) -> Process:
    return Process([sys.executable, "-c", TICKER, folder / "events"], folder / f"{number}.log")


def ticks(folder: Path, pid: int) -> list[int]:
    return [event.at_ns for event in read_events(folder / "events") if event.pid == pid]


def test_a_killed_process_is_dead_when_it_is_said_to_be(tmp_path: Path) -> None:
    process = ticker(tmp_path)
    with running(process):
        first = process.pid
        wait_until(lambda: ticks(tmp_path, first))
        process.kill()
        assert max(ticks(tmp_path, first)) <= process.deaths[first] <= time.monotonic_ns()
        process.start()
        wait_until(lambda: ticks(tmp_path, process.pid))
        assert process.is_running
    assert not process.is_running
    assert set(deaths_of([process])) == {first, process.pid}


def test_a_frozen_process_does_nothing_until_it_is_resumed(tmp_path: Path) -> None:
    process = ticker(tmp_path)
    with running(process):
        wait_until(lambda: ticks(tmp_path, process.pid))
        process.freeze()
        wait_until(lambda: Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T")
        before = len(ticks(tmp_path, process.pid))
        assert len(ticks(tmp_path, process.pid)) == before
        process.resume()
        wait_until(lambda: len(ticks(tmp_path, process.pid)) > before)
        process.freeze()
    assert not process.is_running


def test_exit_codes_and_output(tmp_path: Path) -> None:
    process = Process([sys.executable, "-c", "import sys; print('hello'); sys.exit(3)"], tmp_path / "log")
    with running(process):
        assert process.wait() == 3
    assert process.output == "hello\n"


def test_a_schedule_of_kills(tmp_path: Path) -> None:
    processes = [ticker(tmp_path, number) for number in range(3)]
    with running(*processes):
        target = processes[1]
        kills = run_kills(
            processes, 1.0, seed=7, every_s=(0.1, 0.2), down_s=(0.05, 0.1), busy=lambda: [target.pid], aim=1.0
        )
        assert all(process.is_running for process in processes)
        assert 4 <= kills == len(deaths_of(processes)) <= 10
        assert len(target.deaths) > kills / 2
