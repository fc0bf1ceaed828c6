"""For tests and for `python server.py test check`: nothing runs by the clock, only mishaps are logged, and what a busy
machine makes slow is not taken for overload.
"""

from __future__ import annotations

from dataclasses import replace

from config.base import base
from core import CronSettings, Log

settings = replace(base, log=Log(level="warn", format="text"), cron=CronSettings(enabled=False), overload=None)
