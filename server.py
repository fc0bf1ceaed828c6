"""Runs Catena: `python server.py <mode> [command] [options]`; see `python server.py --help`."""

from __future__ import annotations

import sys
from contextlib import suppress

if __name__ == "__main__":
    with suppress(KeyboardInterrupt):  # whoever presses Ctrl-C while it loads wants no traceback
        from core.cli import main

        sys.exit(main())
    sys.exit(130)
