"""Runs Catena: `python server.py <mode> [command] [options]`; see `python server.py --help`."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    try:
        from core.cli import main

        sys.exit(main())
    except KeyboardInterrupt:  # whoever presses Ctrl-C while it loads wants no traceback
        sys.exit(130)
    except BrokenPipeError:  # nor does whoever has read enough: `routes | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or what is left is tried again
        sys.exit(1)
