"""Runs Catena: `python server.py <mode> [command] [options]`; see `python server.py --help`."""

from __future__ import annotations

import sys

from core.cli import main

if __name__ == "__main__":
    sys.exit(main())
