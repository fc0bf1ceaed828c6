"""Runs one of the servers that Catena is compared with: `python -m tests.benchmarks.servers bare --port 4000`.

uvicorn is configured exactly as Catena configures it. Nothing of `core` is imported: the memory that these
servers take is their own.
"""

from __future__ import annotations

import argparse
import importlib

import uvicorn

SERVERS = ("bare", "starlette", "fastapi", "upstream")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("server", choices=SERVERS)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    uvicorn.run(
        importlib.import_module(f"tests.benchmarks.servers.with_{options.server}").app,
        host="127.0.0.1",
        port=options.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=128,
        timeout_keep_alive=10,
    )


if __name__ == "__main__":
    main()
