"""The configuration that is measured: what production has, without crons and documentation pages.

BENCH_LIMITED adds a rate limit; BENCH_OBSERVED an access log and metrics, or takes overload control away, too.
"""

from __future__ import annotations

import os

from core import CronSettings, Docs, Log, Metrics, Mongo, Overload, RateLimit, ServerSettings, env

observed = os.environ.get("BENCH_OBSERVED", "")

settings = ServerSettings(
    databases={"main": Mongo(url=env("CATENA_MONGO_URL"))},
    cron=CronSettings(enabled=False),
    docs=Docs(enabled=False),
    log=Log(level="info", format="json", access=observed == "yes"),
    metrics=Metrics(port=0) if observed == "yes" else None,
    overload=Overload() if observed != "no" else None,
    # So large that nobody is refused: the load generator is one client.
    rate_limit=RateLimit(10_000_000, 60) if os.environ.get("BENCH_LIMITED") else None,
    projects={"generic-access": {"sealing_secret": "the benchmark seals its one key with this"}},
)
