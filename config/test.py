"""For tests and for `python server.py test check`: nothing runs by the clock, and only mishaps are logged."""

from __future__ import annotations

from dataclasses import replace

from config.base import base
from core import CronSettings, Log

settings = replace(base, log=Log(level="warn", format="text"), cron=CronSettings(enabled=False))
