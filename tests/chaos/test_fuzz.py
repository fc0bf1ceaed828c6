"""VAL-1 on the wire, for minutes: no 5xx, no traceback, no growth.

`CATENA_CHAOS_SECONDS` and `CATENA_CHAOS_SEED` say how long, and what.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.attack.nonsense import send_nonsense
from tests.server import Server

SECONDS = float(os.environ.get("CATENA_CHAOS_SECONDS", "300"))
SEED = int(os.environ.get("CATENA_CHAOS_SEED", "1"))


def test_VAL_1_nonsense_is_never_a_failure(target_server: Server) -> None:
    sizes: list[int] = []
    end = time.monotonic() + SECONDS

    def is_over(count: int) -> bool:
        sizes.append(int(Path(f"/proc/{target_server.process.pid}/statm").read_text().split()[1]) * 4096)
        return time.monotonic() >= end and count >= 100_000

    statuses = send_nonsense(target_server, SEED, until=is_over)
    half = sizes[len(sizes) // 2 :]
    print(f"memory of the second half: {half[0] / 2**20:.1f} to {half[-1] / 2**20:.1f} MiB")
    assert statuses[b"200"] > statuses[b""] / 100
    assert half[-1] - half[0] <= 5 * 2**20
