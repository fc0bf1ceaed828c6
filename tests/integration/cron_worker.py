"""A process that runs jobs: `python -m tests.integration.cron_worker ROOT`. The application without its sockets."""

from __future__ import annotations

import asyncio
import signal
import sys

from core import create_app


async def main() -> None:
    app, stopped = create_app("test", sys.argv[1]), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await app.start()
    await stopped.wait()
    await app.stop()


if __name__ == "__main__":
    asyncio.run(main())
