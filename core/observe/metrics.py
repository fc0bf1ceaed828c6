"""Figures for Prometheus: what is counted per request, and what is read off the application when somebody asks.

In: the end of each request; at a scrape what the rooms of core count anyway. Out: the text under `/metrics`, on a
listener of its own. Loaded only where `settings.metrics` asks for it: the library is an extra.
"""

from __future__ import annotations

import asyncio
import socket
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from itertools import accumulate
from typing import Any, Final

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from core.link.linked import LinkedRoute, LinkedStep
from core.log import count_dropped
from core.observe.turn import Over
from core.serve.context import AppContext
from core.serve.deadline import Deadlines
from core.serve.gate import METHODS
from core.serve.overload import Admission

_BOUNDS_S: Final = Histogram.DEFAULT_BUCKETS[:-1]
_AT_MOST: Final = tuple(map(floatToGoString, Histogram.DEFAULT_BUCKETS))
_SIZES: Final = (1, 2, 5, 10, 20, 50, 100)
_ASK_S: Final = 5.0
_GET: Final = (b"GET /metrics ", b"GET /metrics?")


class _Times:
    """How often requests of a route ended with which status, and how long they took."""

    __slots__ = ("buckets", "seconds", "statuses")

    def __init__(self) -> None:
        self.buckets, self.seconds = [0] * (len(_BOUNDS_S) + 1), 0.0
        self.statuses: Counter[int] = Counter()


class Meter(Collector):
    """Counts requests, and the time of requests and steps; one for each worker."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.registry.register(self)
        self._steps = Histogram(
            "catena_step_seconds", "Time in the steps of chains.", ("step",), registry=self.registry
        )
        self._routes: dict[tuple[str, str], _Times] = {}

    def note(self, over: Iterable[Over]) -> None:
        """Requests have their whole answer. Counted here, because the library's locks cost four times as much."""
        for request, status, _, seconds in over:
            key = request.method if request.method in METHODS else "other", request.route.url if request.route else ""
            times = self._routes.get(key)
            if times is None:
                times = self._routes[key] = _Times()
            times.buckets[bisect_left(_BOUNDS_S, seconds)] += 1
            times.seconds += seconds
            times.statuses[status] += 1

    def collect(self) -> Iterator[Metric]:
        """The requests until now."""
        labels = ("method", "route")
        requests = CounterMetricFamily("catena_requests", "Requests by route and status.", labels=(*labels, "status"))
        durations = HistogramMetricFamily("catena_request_seconds", "Time to the end of the answer.", labels=labels)
        for key, times in self._routes.items():
            for status, count in times.statuses.items():
                requests.add_metric((*key, str(status)), count)
            durations.add_metric(key, list(zip(_AT_MOST, accumulate(times.buckets), strict=True)), times.seconds)
        yield requests
        yield durations

    def watch(self, _: LinkedRoute, step: LinkedStep | None) -> Callable[[], AbstractContextManager[Any]] | None:
        """What a step runs inside of."""
        return None if step is None else self._steps.labels(step.action.label).time


class Figures(Collector):
    """What the rooms of core count anyway, read when somebody asks."""

    def __init__(self, app: AppContext, running: Deadlines, admission: Admission | None) -> None:
        self._app, self._running, self._admission = app, running, admission

    def collect(self) -> Iterator[Metric]:
        """Every figure of this worker."""
        app, admission = self._app, self._admission
        yield _gauge("requests_in_flight", "Chains under way.", {(): len(self._running)})
        if admission is not None:
            yield _gauge("overload_limit", "Chains admitted at a time.", {(): admission.limit})
            yield _counter("overload_refused", "Requests refused with 503 under overload.", {(): admission.refused})
        yield _counter("rate_limit_refused", "Requests over a rate limit.", {(): app.limits.refused})
        yield from self._collect_databases()
        yield _counter("cache_hits", "Records found.", {(): app.cache.hits})
        yield _counter("cache_misses", "Records not found.", {(): app.cache.misses})
        yield _gauge("cache_server_open", "1 while a memcached is left alone.", app.cache.open_circuits(), "server")
        states = {(name,): client.circuit.is_open for name, client in app.http.clients.items()}
        yield _gauge("upstream_open", "1 while the circuit of an upstream is open.", states, "upstream")
        runs = {tuple(labels): count for (name, *labels), count in app.events.items() if name == "cron"}
        yield _counter("cron_runs", "Runs of jobs that ended.", runs, "job", "outcome")
        missed = {tuple(labels): count for (name, *labels), count in app.events.items() if name == "missed"}
        yield _counter("cron_missed", "Slots of jobs that passed without a run.", missed, "job")
        yield _counter("log_dropped", "Log lines left out or not written.", {(): count_dropped()})

    def _collect_databases(self) -> Iterator[Metric]:
        pools, labels = self._app.db.pools(), ("database", "client")
        used = {key: used for key, (used, _) in pools.items()}
        yield _gauge("db_connections_used", "Connections checked out.", used, *labels)
        waiting = {key: waiting for key, (_, waiting) in pools.items()}
        yield _gauge("db_connections_awaited", "Calls that wait for a connection.", waiting, *labels)
        groups = HistogramMetricFamily(
            "catena_db_group_size", "Calls that went to a database together.", labels=("collection", "kind")
        )
        for key, sizes in self._app.db.group_sizes().items():
            at_most = [(str(size), sum(n for s, n in sizes.items() if s <= size)) for size in _SIZES]
            total = sum(size * count for size, count in sizes.items())
            groups.add_metric(key, [*at_most, ("+Inf", sizes.total())], total)
        yield groups


def _gauge(name: str, text: str, values: Mapping[Any, float], *labels: str) -> Metric:
    family = GaugeMetricFamily(f"catena_{name}", text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def _counter(name: str, text: str, values: Mapping[Any, float], *labels: str) -> Metric:
    family = CounterMetricFamily(f"catena_{name}", text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


async def listen(meter: Meter, figures: Figures, listening: socket.socket) -> asyncio.Server:
    """Answer `GET /metrics`, and nothing else, on a bound socket."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(TimeoutError, asyncio.LimitOverrunError, asyncio.IncompleteReadError, OSError):
            async with asyncio.timeout(_ASK_S):
                head = await reader.readuntil(b"\r\n\r\n")
                status, body = b"404 Not Found", b""
                if head.startswith(_GET):
                    status, body = b"200 OK", generate_latest(meter.registry)
                kind = b"content-type: text/plain; version=0.0.4; charset=utf-8\r\nconnection: close\r\n"
                writer.write(b"HTTP/1.1 %b\r\n%bcontent-length: %d\r\n\r\n%b" % (status, kind, len(body), body))
                await writer.drain()
        writer.close()

    meter.registry.register(figures)
    return await asyncio.start_server(answer, sock=listening, limit=8192)
