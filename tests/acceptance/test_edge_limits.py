"""Limits over two server processes that share a database, or a memcached that is killed in mid-run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.edge import edge_root
from tests.memcached import MemcachedProcess
from tests.mongo import wait_until
from tests.server import Server, start_server

SETTINGS = "rate_limit=RateLimit(10, 600), trusted_proxies=['127.0.0.1']"


@contextmanager
def two_servers(settings: str, url: str) -> Iterator[Sequence[Server]]:
    with (
        edge_root(f"{SETTINGS}, {settings}") as root,
        start_server(root, CATENA_LOCAL_URL=url) as one,
        start_server(root, CATENA_LOCAL_URL=url) as other,
    ):
        yield one, other


def ask_both(servers: Sequence[Server], client: str, times: int = 50) -> Counter[int]:
    """Statuses of so many requests of one client, ten at a time, at both servers in turn."""

    def ask(number: int) -> int:
        return servers[number % 2].get("/edge/tell", X_Forwarded_For=client).status

    with ThreadPoolExecutor(10) as threads:
        return Counter(threads.map(ask, range(times)))


def await_shared_count(servers: Sequence[Server]) -> None:
    """Until ten of fifty requests of a new client pass: while a store is slow to answer, each process counts alone."""
    clients = (f"192.0.2.{number}" for number in range(1, 250))
    wait_until(lambda: ask_both(servers, next(clients)) == {200: 10, 429: 40}, 60)


def test_RATE_1_e04_two_processes_share_a_database(mongo_url: str, database_name: str) -> None:
    with two_servers("", mongo_url.replace("/?", f"/{database_name}?")) as servers:
        await_shared_count(servers)


@pytest.mark.parametrize("end", ["kill", "hang"])
def test_RATE_3_e03_two_processes_lose_their_memcached_in_mid_run(memcached: MemcachedProcess, end: str) -> None:
    with two_servers(f"cache=Cache(servers=['{memcached.name}'])", "memory") as servers:
        await_shared_count(servers)
        with ThreadPoolExecutor(1) as thread:
            running = thread.submit(ask_both, servers, "198.51.100.1", 200)
            getattr(memcached, end)()
            found = running.result()
        assert set(found) == {200, 429}
        assert found[200] <= 10 + 2 * 10  # what was counted together, then what each process counts alone
        assert ask_both(servers, "198.51.100.2") == {200: 20, 429: 30}
